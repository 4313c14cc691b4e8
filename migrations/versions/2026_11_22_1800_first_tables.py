"""The first tables: accounts, campaigns, recipients, outcomes, batches, attempts, events, installation.

Revision: 0001, after nothing
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _be_quick_or_fail()
    op.create_table(
        "bulkpost_accounts",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("gateway_url", sa.Text(), nullable=False),
        sa.Column("batch_size", sa.Integer(), nullable=False),
        sa.Column("max_parallel", sa.Integer(), nullable=False),
        sa.Column("per_second", sa.Float(), nullable=True),
        sa.Column("time_offset_minutes", sa.Integer(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column(
            "status",
            sa.Enum("active", "paused", name="status", native_enum=False, create_constraint=True, length=16),
            nullable=False,
        ),
        sa.Column("status_reason", sa.Text(), nullable=True),
        sa.Column("status_since", MOMENT, nullable=False),
        sa.Column("status_by", sa.String(length=64), nullable=False),
        sa.Column("resumed_at", MOMENT, nullable=True),
        sa.Column("rate_due_at", MOMENT, nullable=True),
        sa.Column("transport_failures", sa.Integer(), nullable=False),
        sa.Column("probe_due_at", MOMENT, nullable=True),
        sa.Column("refused_documents", sa.Integer(), nullable=False),
        sa.Column("hinted_at", MOMENT, nullable=True),
        sa.CheckConstraint(
            "(status = 'paused') = (status_reason IS NOT NULL)", name=op.f("ck_bulkpost_accounts_paused_reason")
        ),
        sa.CheckConstraint("batch_size BETWEEN 1 AND 10000", name=op.f("ck_bulkpost_accounts_batch_size")),
        sa.CheckConstraint("max_parallel BETWEEN 1 AND 64", name=op.f("ck_bulkpost_accounts_max_parallel")),
        sa.CheckConstraint("per_second IS NULL OR per_second > 0", name=op.f("ck_bulkpost_accounts_per_second")),
        sa.PrimaryKeyConstraint("id", name="pk_bulkpost_accounts"),
        sa.UniqueConstraint("name", name="uq_bulkpost_accounts_name"),
    )
    op.create_table(
        "bulkpost_events",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("happened_at", MOMENT, nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("account_id", BIG_ID, nullable=True),
        sa.Column("campaign_id", BIG_ID, nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("facts", sa.JSON(none_as_null=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_bulkpost_events"),
    )
    op.create_index("ix_bulkpost_events_campaign_id", "bulkpost_events", ["campaign_id", "id"])

    op.create_table(
        "bulkpost_installation",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("installation_id", sa.String(length=36), nullable=False),
        sa.Column("environment", sa.String(length=32), nullable=False),
        sa.Column("contract_version", sa.Integer(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("stopped_at", MOMENT, nullable=True),
        sa.Column("stopped_by", sa.String(length=64), nullable=True),
        sa.Column("stop_reason", sa.Text(), nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("ck_bulkpost_installation_one_row")),
        sa.PrimaryKeyConstraint("id", name="pk_bulkpost_installation"),
    )
    op.create_table(
        "bulkpost_outcomes",
        sa.Column("campaign_id", BIG_ID, autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "pending",
                "accepted",
                "rejected",
                "unknown",
                "cancelled",
                "skipped",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            nullable=False,
        ),
        sa.Column("provider_message_id", sa.Text(), nullable=True),
        sa.Column("segments", sa.Integer(), nullable=True),
        sa.Column("provider_text", sa.Text(), nullable=True),
        sa.Column(
            "error_class",
            sa.Enum(
                "recipient",
                "message",
                "account",
                "request",
                "transient",
                "unseen",
                "collision",
                name="error_class",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            nullable=True,
        ),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("after_doubt", sa.Boolean(), nullable=False),
        sa.Column("attempt_id", BIG_ID, nullable=True),
        sa.Column("attempt_number", sa.Integer(), nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.CheckConstraint("status <> 'pending'", name=op.f("ck_bulkpost_outcomes_never_pending")),
        sa.CheckConstraint(
            "status NOT IN ('cancelled', 'skipped') OR reason IS NOT NULL", name=op.f("ck_bulkpost_outcomes_says_why")
        ),
        sa.PrimaryKeyConstraint("campaign_id", "position", name="pk_bulkpost_outcomes"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_bulkpost_outcomes_provider_message_id",
        "bulkpost_outcomes",
        ["provider_message_id"],
        postgresql_where=sa.text("provider_message_id IS NOT NULL"),
        sqlite_where=sa.text("provider_message_id IS NOT NULL"),
    )

    op.create_table(
        "bulkpost_recipients",
        sa.Column("campaign_id", BIG_ID, autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("msisdn", sa.String(length=14), nullable=True),
        sa.Column("ref", sa.String(length=200), nullable=True),
        sa.Column("values_json", sa.Text(), nullable=True),
        sa.Column("send_key", sa.String(length=15), nullable=True),
        sa.Column("key_account_id", BIG_ID, nullable=True),
        sa.CheckConstraint(
            "(send_key IS NULL) = (key_account_id IS NULL)", name=op.f("ck_bulkpost_recipients_send_key")
        ),
        sa.CheckConstraint("position >= 1", name=op.f("ck_bulkpost_recipients_position")),
        sa.PrimaryKeyConstraint("campaign_id", "position", name="pk_bulkpost_recipients"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "uq_bulkpost_recipients_send_key",
        "bulkpost_recipients",
        ["key_account_id", "send_key"],
        unique=True,
        postgresql_where=sa.text("send_key IS NOT NULL"),
        sqlite_where=sa.text("send_key IS NOT NULL"),
    )

    op.create_table(
        "bulkpost_campaigns",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("account_id", BIG_ID, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("column_names", sa.JSON(), nullable=False),
        sa.Column("timing", sa.JSON(), nullable=True),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("external_key", sa.String(length=200), nullable=True),
        sa.Column("key_prefix", sa.String(length=15), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "draft",
                "scheduled",
                "running",
                "paused",
                "finished",
                "cancelled",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            nullable=False,
        ),
        sa.Column("status_reason", sa.Text(), nullable=True),
        sa.Column("status_since", MOMENT, nullable=False),
        sa.Column("status_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("importing_at", MOMENT, nullable=False),
        sa.Column("imported_at", MOMENT, nullable=True),
        sa.Column("start_at", MOMENT, nullable=False),
        sa.Column("started_at", MOMENT, nullable=True),
        sa.Column("finished_at", MOMENT, nullable=True),
        sa.Column("attempted_at", MOMENT, nullable=True),
        sa.Column("last_claimed_at", MOMENT, nullable=True),
        sa.Column("planned_through", sa.Integer(), nullable=False),
        sa.Column("total_count", sa.Integer(), nullable=False),
        sa.Column("accepted_count", sa.Integer(), nullable=False),
        sa.Column("rejected_count", sa.Integer(), nullable=False),
        sa.Column("unknown_count", sa.Integer(), nullable=False),
        sa.Column("cancelled_count", sa.Integer(), nullable=False),
        sa.Column("skipped_count", sa.Integer(), nullable=False),
        sa.Column("segment_count", sa.Integer(), nullable=False),
        sa.Column("expected_segment_count", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(status = 'paused') = (status_reason IS NOT NULL)", name=op.f("ck_bulkpost_campaigns_paused_reason")
        ),
        sa.CheckConstraint(
            "(status IN ('finished', 'cancelled')) = (finished_at IS NOT NULL)",
            name=op.f("ck_bulkpost_campaigns_ended"),
        ),
        sa.CheckConstraint(
            "status = 'draft' OR status = 'cancelled' OR imported_at IS NOT NULL",
            name=op.f("ck_bulkpost_campaigns_imported"),
        ),
        sa.CheckConstraint(
            "accepted_count >= 0 AND rejected_count >= 0 AND unknown_count >= 0 AND cancelled_count >= 0 "
            "AND skipped_count >= 0 AND accepted_count + rejected_count + unknown_count + cancelled_count "
            "+ skipped_count <= total_count",
            name=op.f("ck_bulkpost_campaigns_counts_add_up"),
        ),
        sa.CheckConstraint(
            "imported_at IS NULL OR key_prefix IS NOT NULL", name=op.f("ck_bulkpost_campaigns_has_keys")
        ),
        sa.CheckConstraint(
            "planned_through BETWEEN 0 AND total_count", name=op.f("ck_bulkpost_campaigns_planned_through")
        ),
        sa.CheckConstraint("priority BETWEEN 0 AND 9", name=op.f("ck_bulkpost_campaigns_priority")),
        sa.CheckConstraint("total_count BETWEEN 0 AND 9999999", name=op.f("ck_bulkpost_campaigns_total_count")),
        sa.ForeignKeyConstraint(["account_id"], ["bulkpost_accounts.id"], name="fk_bulkpost_campaigns_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_bulkpost_campaigns"),
        sa.UniqueConstraint("account_id", "external_key", name="uq_bulkpost_campaigns_account_id_external_key"),
        sa.UniqueConstraint("key_prefix", name="uq_bulkpost_campaigns_key_prefix"),
    )
    op.create_index(
        "ix_bulkpost_campaigns_active",
        "bulkpost_campaigns",
        ["account_id", "priority"],
        postgresql_where=sa.text("status IN ('draft', 'scheduled', 'running')"),
        sqlite_where=sa.text("status IN ('draft', 'scheduled', 'running')"),
    )

    op.create_table(
        "bulkpost_batches",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("campaign_id", BIG_ID, nullable=False),
        sa.Column("account_id", BIG_ID, nullable=False),
        sa.Column("first_position", sa.Integer(), nullable=False),
        sa.Column("last_position", sa.Integer(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "available",
                "running",
                "retryable",
                "completed",
                "discarded",
                "cancelled",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            nullable=False,
        ),
        sa.Column("available_at", MOMENT, nullable=False),
        sa.Column("leased_until", MOMENT, nullable=True),
        sa.Column("attempt_number", sa.Integer(), nullable=False),
        sa.Column("retry_count", sa.Integer(), nullable=False),
        sa.Column("doubt_count", sa.Integer(), nullable=False),
        sa.Column("unseen_count", sa.Integer(), nullable=False),
        sa.Column("doubt_since", MOMENT, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.CheckConstraint("(status = 'running') = (leased_until IS NOT NULL)", name=op.f("ck_bulkpost_batches_lease")),
        sa.CheckConstraint(
            "first_position >= 1 AND last_position >= first_position", name=op.f("ck_bulkpost_batches_range")
        ),
        sa.ForeignKeyConstraint(["campaign_id"], ["bulkpost_campaigns.id"], name="fk_bulkpost_batches_campaign_id"),
        sa.PrimaryKeyConstraint("id", name="pk_bulkpost_batches"),
    )
    op.create_index(
        "ix_bulkpost_batches_doubt",
        "bulkpost_batches",
        ["doubt_since"],
        postgresql_where=sa.text("doubt_since IS NOT NULL AND status IN ('available', 'retryable')"),
        sqlite_where=sa.text("doubt_since IS NOT NULL AND status IN ('available', 'retryable')"),
    )
    op.create_index(
        "ix_bulkpost_batches_open",
        "bulkpost_batches",
        ["campaign_id", "available_at", "first_position"],
        postgresql_where=sa.text("status IN ('available', 'running', 'retryable')"),
        sqlite_where=sa.text("status IN ('available', 'running', 'retryable')"),
    )
    op.create_index("ix_bulkpost_batches_range", "bulkpost_batches", ["campaign_id", "first_position"])
    op.create_index(
        "ix_bulkpost_batches_running",
        "bulkpost_batches",
        ["account_id", "leased_until"],
        postgresql_where=sa.text("status = 'running'"),
        sqlite_where=sa.text("status = 'running'"),
    )

    op.create_table(
        "bulkpost_attempts",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("batch_id", BIG_ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("campaign_id", BIG_ID, nullable=False),
        sa.Column("account_id", BIG_ID, nullable=False),
        sa.Column("first_position", sa.Integer(), nullable=False),
        sa.Column("last_position", sa.Integer(), nullable=False),
        sa.Column("opened_at", MOMENT, nullable=False),
        sa.Column("closed_at", MOMENT, nullable=True),
        sa.Column(
            "outcome",
            sa.Enum(
                "answered",
                "refused",
                "throttled",
                "not_sent",
                "not_posted",
                "in_doubt",
                "lost",
                name="outcome",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            nullable=True,
        ),
        sa.Column("explanation", sa.Text(), nullable=True),
        sa.Column("positions", sa.Text(), nullable=True),
        sa.Column("http_status", sa.Integer(), nullable=True),
        sa.Column("request_size", sa.Integer(), nullable=True),
        sa.Column("request_hash", sa.String(length=64), nullable=True),
        sa.Column("request_bytes", sa.LargeBinary(), nullable=True),
        sa.Column("reply_bytes", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("(outcome IS NULL) = (closed_at IS NULL)", name=op.f("ck_bulkpost_attempts_closed")),
        sa.ForeignKeyConstraint(["batch_id"], ["bulkpost_batches.id"], name="fk_bulkpost_attempts_batch_id"),
        sa.PrimaryKeyConstraint("id", name="pk_bulkpost_attempts"),
        sa.UniqueConstraint("batch_id", "number", name="uq_bulkpost_attempts_batch_id_number"),
    )
    op.create_index("ix_bulkpost_attempts_range", "bulkpost_attempts", ["campaign_id", "first_position"])


def downgrade() -> None:
    _be_quick_or_fail()
    for table in ("attempts", "batches", "campaigns", "recipients", "outcomes", "installation", "events", "accounts"):
        op.drop_table(f"bulkpost_{table}")


def _be_quick_or_fail() -> None:
    """Do not queue for a lock in front of the running system."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("SET LOCAL lock_timeout = '5s'")
