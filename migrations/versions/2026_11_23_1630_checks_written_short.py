"""Checks of the tables that every batch writes are written short for PostgreSQL, and mean what they meant.

PostgreSQL reads the text of every check of a table anew for each statement that writes there. A list of words as IN has
it is a node and a conversion for each word; as one array it is one constant.

Revision: 0006, after 0005
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from alembic import op
from sqlalchemy.exc import SQLAlchemyError

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ADVISORY_LOCK = 0x62756C6B  # what keeps two deploys apart, in env.py

Checks = Mapping[str, Mapping[str, str]]

SHORT: Checks = {
    "attempts": {
        "outcome": "outcome = ANY ('{answered,refused,throttled,not_sent,not_posted,in_doubt,lost}')",
    },
    "batches": {
        "status": "status = ANY ('{available,running,retryable,completed,discarded,cancelled}')",
    },
    "campaigns": {
        "counts_add_up": """
            least(accepted_count, rejected_count, unknown_count, cancelled_count, skipped_count) >= 0
            AND accepted_count + rejected_count + unknown_count + cancelled_count + skipped_count <= total_count
        """,
        "ended": "(status = ANY ('{finished,cancelled}')) = (finished_at IS NOT NULL)",
        "imported": "imported_at IS NOT NULL OR status = ANY ('{draft,cancelled}')",
        "status": "status = ANY ('{draft,scheduled,running,paused,finished,cancelled}')",
    },
    "outcomes": {
        "error_class": "error_class = ANY ('{recipient,message,account,request,transient,unseen,collision}')",
        "says_why": "reason IS NOT NULL OR status <> ALL ('{cancelled,skipped}')",
        "status": "status = ANY ('{pending,accepted,rejected,unknown,cancelled,skipped}')",
    },
}
LONG: Checks = {
    "attempts": {
        "outcome": "outcome IN ('answered', 'refused', 'throttled', 'not_sent', 'not_posted', 'in_doubt', 'lost')",
    },
    "batches": {
        "status": "status IN ('available', 'running', 'retryable', 'completed', 'discarded', 'cancelled')",
    },
    "campaigns": {
        "counts_add_up": """
            accepted_count >= 0 AND rejected_count >= 0 AND unknown_count >= 0 AND cancelled_count >= 0
            AND skipped_count >= 0
            AND accepted_count + rejected_count + unknown_count + cancelled_count + skipped_count <= total_count
        """,
        "ended": "(status IN ('finished', 'cancelled')) = (finished_at IS NOT NULL)",
        "imported": "status = 'draft' OR status = 'cancelled' OR imported_at IS NOT NULL",
        "status": "status IN ('draft', 'scheduled', 'running', 'paused', 'finished', 'cancelled')",
    },
    "outcomes": {
        "error_class": """
            error_class IN ('recipient', 'message', 'account', 'request', 'transient', 'unseen', 'collision')
        """,
        "says_why": "status NOT IN ('cancelled', 'skipped') OR reason IS NOT NULL",
        "status": "status IN ('pending', 'accepted', 'rejected', 'unknown', 'cancelled', 'skipped')",
    },
}


def upgrade() -> None:
    _write(SHORT)


def downgrade() -> None:
    _write(LONG)


def _write(checks: Checks) -> None:
    """Replace the checks; each table is read through once, and held meanwhile.

    Each in a transaction of its own: workers lock these tables in other orders than this, and whoever holds one and
    waits for another would meet them in a deadlock. What was broken off is done again from the start.
    """
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute(f"SELECT pg_advisory_lock({ADVISORY_LOCK})")  # the transaction's own ends with it
    with _afterwards(f"SELECT pg_advisory_unlock({ADVISORY_LOCK})"):
        with op.get_context().autocommit_block(), _afterwards("RESET lock_timeout"):
            op.execute("SET lock_timeout = '5s'")
            for table, its_own in checks.items():
                names = {check: f"ck_bulkpost_{table}_{check}" for check in its_own}
                dropped = [f"DROP CONSTRAINT IF EXISTS {name}" for name in names.values()]
                added = [f"ADD CONSTRAINT {names[check]} CHECK ({condition})" for check, condition in its_own.items()]
                op.execute(f"ALTER TABLE bulkpost_{table} {', '.join(dropped + added)}")
        op.execute(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})")


@contextmanager
def _afterwards(statement: str) -> Iterator[None]:
    try:
        yield
    finally:
        with suppress(SQLAlchemyError):  # a connection that was lost has nothing left, and its own error is to be told
            op.execute(statement)
