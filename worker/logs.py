"""The log: one line per fact, the event's name constant, the facts in fields. Says nothing secret.

INFO has one line per batch and none per recipient. Phone numbers appear by their last digits, texts and credentials
never. Lines of libraries go through the same renderer, so that they carry the bound ids too.
"""

import json
import logging
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from worker.settings import Settings

FACTS = "bulkpost_facts"
"""Where a record of `logging` keeps the facts of a line."""

_LONG_DIGITS = re.compile(r"(?<![\w.])\+?\d{7,15}(?![\w.])")
_KEPT = frozenset({"campaign", "batch", "attempt", "account_id", "size", "timestamp"})
_COLOURS = {"warning": "\x1b[33m", "error": "\x1b[31m", "critical": "\x1b[31m"}
_PLAIN = "\x1b[0m"

_to_json = json.JSONEncoder(ensure_ascii=False, default=repr).encode

_bound: ContextVar[Mapping[str, Any]] = ContextVar("bound", default=MappingProxyType({}))


class Log:
    """Says facts: `log.info("batch_recorded", size=100)`."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def debug(self, event: str, /, **facts: Any) -> None:
        """Say what only a search for an error needs."""
        self._say(logging.DEBUG, event, facts)

    def info(self, event: str, /, **facts: Any) -> None:
        """Say what was done."""
        self._say(logging.INFO, event, facts)

    def warning(self, event: str, /, **facts: Any) -> None:
        """Say what heals by itself."""
        self._say(logging.WARNING, event, facts)

    def error(self, event: str, /, exc_info: BaseException | None = None, **facts: Any) -> None:
        """Say what somebody should look at; with `exc_info` also where in the program it was."""
        self._say(logging.ERROR, event, facts, exc_info)

    def _say(self, level: int, event: str, facts: dict[str, Any], error: BaseException | None = None) -> None:
        self._logger.log(level, event, extra={FACTS: facts}, exc_info=error)


log = Log("bulkpost")


class _Line(logging.Formatter):
    """Makes one line of a record, also of a library's."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, with the bound ids and without anything secret."""
        facts = {"event": record.getMessage(), **_bound.get(), **getattr(record, FACTS, {})}
        if record.exc_info:
            facts["exception"] = self.formatException(record.exc_info)
        moment = datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z")
        mask(facts)
        return self._render({**facts, "level": record.levelname.lower(), "logger": record.name, "timestamp": moment})

    def _render(self, facts: dict[str, Any]) -> str:
        return _to_json(facts)


class _Text(_Line):
    def __init__(self, *, coloured: bool) -> None:
        super().__init__()
        self._coloured = coloured

    def _render(self, facts: dict[str, Any]) -> str:
        event, level, name, moment = (facts.pop(key) for key in ("event", "level", "logger", "timestamp"))
        trace = facts.pop("exception", None)
        said = " ".join(f"{key}={_in_a_word(value)}" for key, value in facts.items())
        shown = f"{level:<8}"
        if self._coloured and level in _COLOURS:
            shown = f"{_COLOURS[level]}{shown}{_PLAIN}"
        line = f"{moment} [{shown}] {event:<24} [{name}] {said}".rstrip()
        return line if trace is None else f"{line}\n{trace}"


def _in_a_word(value: object) -> str:
    return value if isinstance(value, str) and value and not re.search(r"[\s\"'=]", value) else repr(value)


def configure_logging(settings: Settings) -> None:
    """Send every line, also those of libraries, to stderr as JSON or as text (`auto`: text on a terminal)."""
    on_terminal = sys.stderr.isatty()
    as_json = settings.log_format == "json" or (settings.log_format == "auto" and not on_terminal)
    output = logging.StreamHandler(sys.stderr)
    output.setFormatter(_Line() if as_json else _Text(coloured=on_terminal))
    root = logging.getLogger()
    root.handlers[:] = [output]
    root.setLevel(settings.log_level)
    # Celery's own line per task says nothing that "batch_recorded" does not.
    for name in ("celery.beat", "celery.worker.strategy", "celery.app.trace", "kombu", "alembic", "amqp", "urllib3"):
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(settings.log_level)))
    logging.getLogger("celery.beat").addFilter(_without_traceback)
    # "No hostname was supplied" is how memory:// is meant to be.
    logging.getLogger("kombu.connection").setLevel(logging.ERROR)


def _without_traceback(record: logging.LogRecord) -> bool:
    """Leave of beat's complaint about the broker, which comes with every tick, one line."""
    if str(record.msg).startswith("Message Error") and isinstance(record.args, tuple) and record.args:
        record.msg, record.args = "the tick could not be published: %s", record.args[:1]
        record.exc_info = None
    return True


@contextmanager
def bound(**ids: Any) -> Iterator[None]:
    """Bind ids to every line that is logged inside, also by libraries."""
    token = _bound.set({**_bound.get(), **ids})
    try:
        yield
    finally:
        _bound.reset(token)


def first_line(error: SQLAlchemyError) -> str:
    """Return what the database said, without the statement and its values."""
    lines = str(getattr(error, "orig", None) or type(error).__name__).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def mask(facts: dict[str, Any]) -> None:
    """Leave of anything that looks like a phone number or a key its last two digits only."""
    for name, value in facts.items():
        if name not in _KEPT and isinstance(value, str):
            facts[name] = _LONG_DIGITS.sub(lambda found: "…" + found.group()[-2:], value)
