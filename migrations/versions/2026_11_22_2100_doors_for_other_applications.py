"""Doors for other applications: the inbox, the results view, API keys, answered requests, webhooks.

Revision: 0003, after 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)

# As models.ledger.keys: the prefix, then the position padded to the width that is the prefix's first digit.
OWN_KEY = {
    "postgresql": "c.key_prefix || lpad(CAST(r.position AS text), CAST(substr(c.key_prefix, 1, 1) AS integer), '0')",
    "sqlite": "c.key_prefix || printf('%0' || substr(c.key_prefix, 1, 1) || 'd', r.position)",
}
RESULTS = """
    CREATE VIEW bulkpost_results AS
    SELECT c.id AS campaign_id, c.external_key AS campaign_key, a.name AS account, r.position, r.msisdn AS phone, r.ref,
           COALESCE(r.send_key, {own_key}) AS client_key,
           COALESCE(o.status, 'pending') AS status, o.provider_message_id AS message_id, o.segments,
           o.provider_text, o.error_class, o.reason, o.attempt_number AS attempts, o.updated_at
    FROM bulkpost_recipients r
    JOIN bulkpost_campaigns c ON c.id = r.campaign_id
    JOIN bulkpost_accounts a ON a.id = c.account_id
    LEFT JOIN bulkpost_outcomes o ON o.campaign_id = r.campaign_id AND o.position = r.position
    WHERE c.imported_at IS NOT NULL
"""


def upgrade() -> None:
    _be_quick_or_fail()
    _create_inbox()
    _create_http()
    op.add_column("bulkpost_campaigns", sa.Column("upload_token", sa.String(length=64), nullable=True))
    _create_webhooks()
    op.execute(RESULTS.format(own_key=OWN_KEY[op.get_bind().dialect.name]))


def _create_inbox() -> None:
    op.create_table(
        "bulkpost_outgoing",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("campaign_key", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), server_default="default", nullable=False),
        sa.Column("kind", sa.Text(), server_default="sms", nullable=False),
        sa.Column("sender", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("content", sa.JSON(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=True),
        sa.Column("client_key", sa.Text(), nullable=True),
        sa.Column("variables", sa.JSON(), nullable=True),
        sa.Column("send_at", MOMENT, nullable=True),
        sa.Column("created_at", MOMENT, server_default=sa.text("CURRENT_TIMESTAMP"), nullable=False),
        sa.Column("taken_at", MOMENT, nullable=True),
        sa.Column("campaign_id", BIG_ID, nullable=True),
        sa.Column("position", sa.Integer(), nullable=True),
        sa.Column("refused_at", MOMENT, nullable=True),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_bulkpost_outgoing"),
    )
    op.create_index(
        "ix_bulkpost_outgoing_waiting",
        "bulkpost_outgoing",
        ["id"],
        postgresql_where=sa.text("taken_at IS NULL AND refused_at IS NULL"),
        sqlite_where=sa.text("taken_at IS NULL AND refused_at IS NULL"),
    )
    op.create_table(
        "bulkpost_gatherings",
        sa.Column("campaign_id", BIG_ID, autoincrement=False, nullable=False),
        sa.Column("send_at", MOMENT, nullable=True),
        sa.Column("last_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("campaign_id", name="pk_bulkpost_gatherings"),
    )


def _create_http() -> None:
    op.create_table(
        "bulkpost_api_keys",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("key_hash", sa.String(length=64), nullable=False),
        sa.Column("account_id", BIG_ID, nullable=True),
        sa.Column("allowed", sa.JSON(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("last_used_at", MOMENT, nullable=True),
        sa.Column("revoked_at", MOMENT, nullable=True),
        sa.Column("revoked_by", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_bulkpost_api_keys"),
        sa.UniqueConstraint("key_hash", name="uq_bulkpost_api_keys_key_hash"),
    )
    op.create_table(
        "bulkpost_http_requests",
        sa.Column("api_key_id", BIG_ID, autoincrement=False, nullable=False),
        sa.Column("idempotency_key", sa.String(length=255), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("campaign_id", BIG_ID, nullable=True),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("api_key_id", "idempotency_key", name="pk_bulkpost_http_requests"),
    )
    op.create_index("ix_bulkpost_http_requests_created_at", "bulkpost_http_requests", ["created_at"])


def _create_webhooks() -> None:
    op.create_table(
        "bulkpost_webhooks",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("account_id", BIG_ID, nullable=True),
        sa.Column("kinds", sa.JSON(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("disabled_at", MOMENT, nullable=True),
        sa.Column("disabled_reason", sa.Text(), nullable=True),
        sa.Column("failure_count", sa.Integer(), nullable=False),
        sa.Column("try_at", MOMENT, nullable=True),
        sa.Column("leased_until", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_bulkpost_webhooks"),
        sa.UniqueConstraint("name", name="uq_bulkpost_webhooks_name"),
    )
    op.create_table(
        "bulkpost_webhook_messages",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("webhook_id", BIG_ID, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("next_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("attempt_count", sa.Integer(), nullable=False),
        sa.Column("delivered_at", MOMENT, nullable=True),
        sa.Column("given_up_at", MOMENT, nullable=True),
        sa.Column("last_problem", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_bulkpost_webhook_messages"),
    )
    op.create_index(
        "ix_bulkpost_webhook_messages_open",
        "bulkpost_webhook_messages",
        ["webhook_id", "next_at"],
        postgresql_where=sa.text("delivered_at IS NULL AND given_up_at IS NULL"),
        sqlite_where=sa.text("delivered_at IS NULL AND given_up_at IS NULL"),
    )
    op.create_index("ix_bulkpost_webhook_messages_created_at", "bulkpost_webhook_messages", ["created_at"])


def downgrade() -> None:
    _be_quick_or_fail()
    op.execute("DROP VIEW bulkpost_results")
    for table in ("webhook_messages", "webhooks", "http_requests", "api_keys", "gatherings", "outgoing"):
        op.drop_table(f"bulkpost_{table}")
    op.drop_column("bulkpost_campaigns", "upload_token")


def _be_quick_or_fail() -> None:
    """Do not queue for a lock in front of the running system."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("SET LOCAL lock_timeout = '5s'")
