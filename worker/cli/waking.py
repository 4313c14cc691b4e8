"""Waking the workers after a command has committed work. Without a shared broker the next tick finds it by itself."""

from worker.settings import Settings


def wake_workers(settings: Settings) -> None:
    """Publish one tick; silent and quick where the broker does not answer."""
    if settings.broker_url.startswith("memory"):
        return
    # Celery takes a quarter of a second to import: only commands that wake somebody pay for it.
    from worker.celery import configure
    from worker.wake import Wake

    Wake(configure(settings)).tick()
