"""What the house logs meanwhile, as dicts."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from worker.logs import FACTS


class _Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        facts: dict[str, Any] = getattr(record, FACTS)
        self.lines.append({**facts, "event": record.getMessage(), "log_level": record.levelname.lower()})


@contextmanager
def kept_lines() -> Iterator[list[dict[str, Any]]]:
    """Keep every line of ours that is logged in the block, of any level."""
    logger, kept = logging.getLogger("bulkpost"), _Kept()
    level = logger.level
    logger.addHandler(kept)
    logger.setLevel(logging.DEBUG)
    try:
        yield kept.lines
    finally:
        logger.setLevel(level)
        logger.removeHandler(kept)
