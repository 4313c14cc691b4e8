"""What is wrong with this installation: the data, the settings, the broker. Changes nothing."""

from collections.abc import Iterator

from models.ledger.health import Ailment, find_ailments
from models.ledger.report import gateway_urls
from models.ledger.unfinished import unfinished
from models.ledger.webhooks import find_webhook_ailments, is_any_webhook
from models.session import reading
from worker.celery import broker_problem, configure
from worker.runtime import Runtime
from worker.settings import Settings, unknown_names, variable_stem
from worker.stop_file import exists


def examine(runtime: Runtime) -> Iterator[Ailment]:
    """Yield everything that keeps, or will keep, somebody from being sent what is owed."""
    settings = runtime.settings
    for name, near in unknown_names():
        yield Ailment(f"{name} is no setting and is not read", f"did you mean {near}?" if near else "remove it")
    if exists(settings.stop_file):
        yield Ailment(f"{runtime.stop_file.full_path} stops the workers of this folder", "bulkpost start --file")
    with reading(runtime.sessions) as session:
        yield from find_ailments(session, doubt_limit_seconds=settings.doubt_limit_seconds)
        yield from find_webhook_ailments(session)
        if is_any_webhook(session) and not settings.webhook_secret:
            yield Ailment(
                "there are webhooks and no secret to sign with", "set BULKPOST_WEBHOOK_SECRET for every worker"
            )
        urls = gateway_urls(session)
        busy = {campaign["account"] for campaign in unfinished(session)}
    for account in sorted(busy):
        fence = settings.fence(urls[account])
        if fence.forbids_everything:
            yield Ailment(
                f"account {account} has work that environment {settings.environment} forbids", fence.mend(account)
            )
        elif settings.credentials(account, urls[account]) is None:
            own = "" if account == "default" else variable_stem(account)
            mend = f"set BULKPOST_{own}LOGIN and BULKPOST_{own}PASSWORD, or BULKPOST_{own}TOKEN, for every worker"
            yield Ailment(f"account {account} has work and no credentials here", mend)
    if not settings.broker_url.startswith("memory"):
        yield from _broker(settings)


def _broker(settings: Settings) -> Iterator[Ailment]:
    problem = broker_problem(configure(settings))
    if problem is not None:
        yield Ailment(problem, "start it, or mend BULKPOST_BROKER_URL")
