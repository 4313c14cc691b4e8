"""The benchmark: the product, a floor without its promises, and what people usually write, on one machine in turn."""
