"""The product's database before a run: two drafts, one to warm up and the list."""

import json
from contextlib import closing
from itertools import islice

from models.content import Sms
from models.ledger.importing import add_rows, begin_import, finish_import
from models.ledger.rows import ROWS_AT_ONCE, NewRow
from models.session import transaction
from worker.bench.lists import phones
from worker.bench.order import PERSONAL_TEXT, PRODUCT, SENDER, TEXT, Order
from worker.installing import prepare_database
from worker.runtime import Runtime, open_runtime
from worker.settings import load_settings

ACTOR = "bench"
WARM_UP = 1
MEASURED = 2
"""The campaigns' ids in a new database."""
WARM_UP_DOCUMENTS = 10
"""For each lane: connections are open and statements prepared then, as in a worker of yesterday."""


def template_of(order: Order) -> str:
    """Return the name under which such a database is kept."""
    text = "personal" if order.personalised else "one"
    return f"{PRODUCT}_{order.recipients}_{text}_{warm_up_count(order)}"


def warm_up_count(order: Order) -> int:
    """Return how many recipients the warm-up has."""
    return min(order.recipients, WARM_UP_DOCUMENTS * order.batch_size * order.in_flight)


def fill(url: str, order: Order) -> None:
    """Make both drafts in a new database."""
    with closing(open_runtime(load_settings({}, database_url=url, log_level="CRITICAL"))) as runtime:
        prepare_database(runtime)
        drafts = [_draft(runtime, order, count) for count in (warm_up_count(order), order.recipients)]
    assert drafts == [WARM_UP, MEASURED], "a new database numbers its campaigns from one on"


def _draft(runtime: Runtime, order: Order, count: int) -> int:
    content = Sms(sender=SENDER, text=PERSONAL_TEXT if order.personalised else TEXT)
    names = ("name",) if order.personalised else ()
    with transaction(runtime.sessions) as session:
        campaign_id = begin_import(session, content=content, account="default", column_names=names, actor=ACTOR)
    rows = (
        NewRow(phone, values_json=json.dumps([name], ensure_ascii=False) if order.personalised else None)
        for phone, name in phones(count)
    )
    position = 1
    while chunk := list(islice(rows, ROWS_AT_ONCE)):
        with transaction(runtime.sessions) as session:
            add_rows(session, campaign_id, position, chunk)
        position += len(chunk)
    with transaction(runtime.sessions) as session:
        finish_import(session, campaign_id, start=False, actor=ACTOR)
    return campaign_id
