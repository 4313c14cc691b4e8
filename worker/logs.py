"""The log: one line per fact, the event's name constant, the facts in fields. Says nothing secret.

INFO has one line per batch and none per recipient. Phone numbers appear by their last digits, texts and credentials
never. Lines of libraries go through the same renderer, so that they carry the bound ids too.
"""

import logging
import re
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError

from worker.settings import Settings

log = structlog.stdlib.get_logger("bulkpost")

_LONG_DIGITS = re.compile(r"(?<![\w.])\+?\d{7,15}(?![\w.])")
_KEPT = frozenset({"campaign", "batch", "attempt", "account_id", "size", "timestamp"})


def configure_logging(settings: Settings) -> None:
    """Send every line, also those of libraries, to stderr as JSON or as text (`auto`: text on a terminal)."""
    as_json = settings.log_format == "json" or (settings.log_format == "auto" and not sys.stderr.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        mask,
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=24)
    )
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    output = logging.StreamHandler(sys.stderr)
    output.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
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
    with structlog.contextvars.bound_contextvars(**ids):
        yield


def first_line(error: SQLAlchemyError) -> str:
    """Return what the database said, without the statement and its values."""
    lines = str(getattr(error, "orig", None) or type(error).__name__).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def mask(_logger: object, _method: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Show of anything that looks like a phone number or a key its last two digits only."""
    for name, value in fields.items():
        if name not in _KEPT and isinstance(value, str):
            fields[name] = _LONG_DIGITS.sub(lambda found: "…" + found.group()[-2:], value)
    return fields
