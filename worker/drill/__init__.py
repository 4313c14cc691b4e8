"""The crash drill: runs the product against the simulator, breaks it, and says whether the promises held."""
