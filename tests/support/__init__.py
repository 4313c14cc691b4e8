"""What the tests share: servers, databases, processes. Nothing outside `tests` imports it."""
