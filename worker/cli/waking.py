"""Waking the workers after a command has committed work. Without a shared broker the next tick finds it by itself."""

from worker.settings import Settings


def wake_workers(settings: Settings) -> None:
    """Publish one tick; silent and quick where the broker does not answer."""
    if settings.broker_url.startswith("memory"):
        return
    # Celery takes a quarter of a second to import: only commands that wake somebody pay for it.
    from worker.celery import configure
    from worker.wake import Wake

    app = configure(settings)
    # A person waits for this command: one try. Kombu would try for six seconds.
    app.conf.broker_transport_options = {**app.conf.broker_transport_options, "max_retries": 1, "interval_start": 0}
    Wake(app).tick()
