"""One accepted recipient for each id of a gateway: the index is the alarm (P10).

Revision: 0004, after 0003
"""

from hashlib import sha256
from urllib.parse import urlsplit

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

HAS_ID = sa.text("provider_message_id IS NOT NULL")


def upgrade() -> None:
    _be_quick_or_fail()
    op.add_column("bulkpost_outcomes", sa.Column("id_space", sa.Integer()))
    _fill()
    op.drop_index("ix_bulkpost_outcomes_provider_message_id", "bulkpost_outcomes")
    op.create_index(
        "uq_bulkpost_outcomes_provider_message_id",
        "bulkpost_outcomes",
        ["provider_message_id", "id_space"],
        unique=True,
        postgresql_where=HAS_ID,
        sqlite_where=HAS_ID,
    )


def downgrade() -> None:
    _be_quick_or_fail()
    op.drop_index("uq_bulkpost_outcomes_provider_message_id", "bulkpost_outcomes")
    op.drop_column("bulkpost_outcomes", "id_space")
    op.create_index(
        "ix_bulkpost_outcomes_provider_message_id",
        "bulkpost_outcomes",
        ["provider_message_id"],
        postgresql_where=HAS_ID,
        sqlite_where=HAS_ID,
    )


def _fill() -> None:
    """Let every accepted recipient hold its id; where several have one, which `bulkpost prove` shows, the first."""
    connection = op.get_bind()
    own = "SELECT c.id FROM bulkpost_campaigns c WHERE c.account_id = :account_id"
    statement = sa.text(
        f"""
        UPDATE bulkpost_outcomes SET id_space = :space
        WHERE campaign_id IN ({own}) AND status = 'accepted' AND provider_message_id IS NOT NULL
        """
    )
    for account_id, url in connection.execute(sa.text("SELECT id, gateway_url FROM bulkpost_accounts")).all():
        connection.execute(statement, {"account_id": account_id, "space": _id_space(url)})
    connection.execute(
        sa.text(
            """
            UPDATE bulkpost_outcomes SET id_space = NULL
            WHERE id_space IS NOT NULL AND EXISTS (
                SELECT 1 FROM bulkpost_outcomes first
                WHERE first.provider_message_id = bulkpost_outcomes.provider_message_id
                  AND first.id_space = bulkpost_outcomes.id_space
                  AND (first.campaign_id < bulkpost_outcomes.campaign_id
                       OR (first.campaign_id = bulkpost_outcomes.campaign_id
                           AND first.position < bulkpost_outcomes.position)))
            """
        )
    )


def _id_space(gateway_url: str) -> int:
    """Return what `models.ledger.id_spaces` returned when this was written."""
    try:
        host = urlsplit(gateway_url).netloc.rpartition("@")[2].lower()
    except ValueError:
        host = gateway_url
    return int.from_bytes(sha256(host.encode()).digest()[:4], "big") >> 1


def _be_quick_or_fail() -> None:
    """Do not queue for a lock in front of the running system."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("SET LOCAL lock_timeout = '5s'")
