"""Pausing Python's search for cycles where thousands of rows are alive at once, none of which has any."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Look for no cycles in the block, which should be short: it takes a third of an import, a sixth of a batch."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
