"""The Celery application: composition root. `celery -A worker worker`, `celery -A worker beat`.

Celery carries hints and ticks, never messages that must not be lost: the database is the queue. So no result is kept,
nothing is retried or delayed by Celery, and what the broker loses is hinted again within seconds.
"""

from contextlib import closing
from sys import setswitchinterval
from typing import Any

from celery import Celery, signals
from kombu.exceptions import OperationalError

from models.errors import LedgerError
from worker.errors import ConfigurationError
from worker.logs import configure_logging
from worker.runtime import claim_again, open_runtime, stop_claiming
from worker.settings import Settings, load_settings
from worker.start import check_database
from worker.stopping import take_signals
from worker.wake import EXPIRES_SECONDS, TICK

QUEUE = "bulkpost"
BROKER_TIMEOUT_SECONDS = 5
SWITCH_SECONDS = 0.001
"""How long a thread keeps the interpreter while others wait for it: a fifth of what Python allows.

A claim needs it back after every answer of the database, and all the while holds the account's row, for which all other
lanes of the account wait.
"""


def broker_options(settings: Settings) -> dict[str, Any]:
    """Return the transport's options.

    Without both timeouts a worker whose connection to Redis is half open hangs for ever.
    """
    if settings.broker_url.startswith("memory"):
        return {"polling_interval": 0.01}
    if not settings.broker_url.startswith(("redis", "rediss")):
        return {}
    return {
        "visibility_timeout": settings.visibility_timeout_seconds,
        "socket_timeout": 5,
        "socket_connect_timeout": 5,
        "socket_keepalive": True,
        "health_check_interval": 5,
    }


def options(settings: Settings) -> dict[str, Any]:
    """Return Celery's configuration for `settings`."""
    return {
        "broker_url": settings.broker_url,
        "broker_transport_options": broker_options(settings),
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "task_default_queue": QUEUE,
        "task_ignore_result": True,
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "task_acks_on_failure_or_timeout": True,
        "task_time_limit": settings.task_limit_seconds,
        "task_serializer": "json",
        "accept_content": ["json"],
        "task_send_sent_event": False,
        "task_publish_retry": False,
        "worker_send_task_events": False,
        "worker_prefetch_multiplier": 1,
        "worker_max_tasks_per_child": 10_000,
        "worker_max_memory_per_child": 300_000,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        "beat_schedule": {
            "tick": {
                "task": TICK,
                "schedule": settings.tick_seconds,
                "options": {"expires": EXPIRES_SECONDS, "retry": False},
            }
        },
        "beat_max_loop_interval": max(1.0, settings.tick_seconds),
        "imports": ("worker.tasks",),
    }


def configure(settings: Settings) -> Celery:
    """Set the application up for `settings` instead of the environment's: embedded, demo, tests."""
    _chosen.append(settings)
    app.conf.update(options(settings))
    return app


def broker_problem(app: Celery) -> str | None:
    """Return why the broker cannot be used, or None; asks once, and shows no password."""
    connection = app.connection_for_write()
    try:
        with connection:
            connection.ensure_connection(max_retries=0, timeout=BROKER_TIMEOUT_SECONDS)
    except (OperationalError, OSError) as error:
        return f"the broker {connection.as_uri()} does not answer ({error})"
    return None


def _defaults() -> dict[str, Any]:
    """Return the configuration when Celery first asks for it; a wrong setting is a line, not a traceback."""
    try:
        settings = _chosen[-1] if _chosen else load_settings()
    except ConfigurationError as error:
        raise SystemExit("\n".join(f"bulkpost: {problem}" for problem in error.problems)) from None
    return options(settings)


_chosen: list[Settings] = []
app = Celery("bulkpost")
app.add_defaults(_defaults)


@signals.setup_logging.connect
def _our_logging(**_facts: Any) -> None:
    # Connected, so that Celery leaves our handlers alone.
    configure_logging(_chosen[-1] if _chosen else load_settings())


@signals.celeryd_init.connect
def _check(**_facts: Any) -> None:
    """Refuse to start where nothing could be done: in one line, before the first task."""
    if _chosen:
        return
    settings = load_settings()
    try:
        if settings.broker_url.startswith("memory"):
            raise ConfigurationError(
                "BULKPOST_BROKER_URL is not set: workers and beat of their own need a broker that they share, such as "
                "redis://localhost:6379/0; bulkpost up runs without one"
            )
        with closing(open_runtime(settings)) as ours:
            check_database(ours)
    except (ConfigurationError, LedgerError) as error:
        raise SystemExit(f"bulkpost: {error}") from None


@signals.worker_init.connect
def _begin(**_facts: Any) -> None:
    claim_again()
    setswitchinterval(SWITCH_SECONDS)


@signals.worker_process_init.connect
def _load(**_facts: Any) -> None:
    """Let a child of the pool load what posts before the first message waits for it: its parent never does."""
    import worker.dispatcher  # noqa: F401


@signals.worker_ready.connect
def _take_signals(**_facts: Any) -> None:
    take_signals(stop_claiming)


@signals.worker_shutting_down.connect
def _drain(**_facts: Any) -> None:
    stop_claiming()
