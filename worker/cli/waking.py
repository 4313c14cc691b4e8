"""Waking the workers after a command has committed work. Without a shared broker the next tick finds it by itself."""

from collections.abc import Callable
from typing import Any

from worker.settings import Settings


def wake_workers(settings: Settings) -> None:
    """Publish one tick; silent and quick where the broker does not answer."""
    waker(settings)()


def waker(settings: Settings, *, inside: bool = False) -> Callable[[], object]:
    """Return what publishes one tick; `inside` says that the workers are in this process, and share its memory.

    Connects to the broker now, so that nothing but the message itself comes after the commit.
    """
    if settings.broker_url.startswith("memory") and not inside:
        return lambda: None
    # Celery takes a quarter of a second to import: only commands that wake somebody pay for it.
    from worker.celery import app, configure
    from worker.wake import Wake

    if not inside:
        configured = configure(settings)
        # A person waits for this command: one try. Kombu would try for six seconds.
        transport = {**configured.conf.broker_transport_options, "max_retries": 1, "interval_start": 0}
        configured.conf.broker_transport_options = transport
        _connect(configured)
    return Wake(app).tick


def _connect(app: Any) -> None:
    """Load and open what a message needs; who does not answer now may do so later."""
    # Here Kombu lets through what the transport raises, which is neither its own error nor the system's: redis has
    # errors of its own. Whatever it is, no command fails because nobody can be woken.
    assert app.amqp.send_task_message and app.backend  # built when they are first asked for
    try:
        with app.producer_pool.acquire(block=True) as producer:
            producer.connection.connect()
            assert producer.channel
            for queue in app.amqp.queues.values():
                producer.maybe_declare(queue)
    except Exception:  # noqa: BLE001
        return
