"""Windows, daily limits, canaries, schedules with saved lists, the stop list, and what an adopted backup remembers.

Revision: 0002, after 0001
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)

# What is NOT NULL has a default in the database: the previous code may still be inserting.
COLUMNS: dict[str, tuple[tuple[str, Any], ...]] = {
    "accounts": (
        ("time_zone", sa.String(length=64)),
        ("per_day", sa.Integer()),
        ("segments_per_day", sa.Integer()),
        ("send_window", sa.Text()),
        ("holidays", sa.JSON()),
        ("try_again_at", MOMENT),
        ("timed_out_documents", 0),
        ("day", sa.String(length=10)),
        ("day_message_count", 0),
        ("day_segment_count", 0),
        ("opens_at", MOMENT),
        ("closes_at", MOMENT),
    ),
    "campaigns": (
        ("schedule_id", BIG_ID),
        ("occurrence_at", MOMENT),
        ("resend_of", BIG_ID),
        ("latest_at", MOMENT),
        ("time_zone", sa.String(length=64)),
        ("send_window", sa.Text()),
        ("holidays", sa.JSON()),
        ("opens_at", MOMENT),
        ("closes_at", MOMENT),
        ("max_segments", sa.Integer()),
        ("canary_count", sa.Integer()),
        ("canary_share", sa.Float()),
        ("canary_passed_at", MOMENT),
        ("purged_at", MOMENT),
        ("purged_through", 0),
    ),
    "batches": (("counted_on", sa.String(length=10)),),
    "installation": (
        ("restored_at", MOMENT),
        ("restore_reason", sa.Text()),
        ("adopted_at", MOMENT),
    ),
}


def upgrade() -> None:
    _be_quick_or_fail()
    for table, columns in COLUMNS.items():
        for name, kind in columns:
            optional = kind != 0
            column: sa.Column[Any] = sa.Column(
                name,
                kind if optional else sa.Integer(),
                nullable=optional,
                server_default=None if optional else "0",
            )
            op.add_column(f"bulkpost_{table}", column)
    op.create_index(
        "uq_bulkpost_campaigns_occurrence", "bulkpost_campaigns", ["schedule_id", "occurrence_at"], unique=True
    )
    _create_lists()
    _create_schedules()
    op.create_table(
        "bulkpost_stops",
        sa.Column("msisdn", sa.String(length=14), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("added_at", MOMENT, nullable=False),
        sa.Column("added_by", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("msisdn", name="pk_bulkpost_stops"),
        sqlite_with_rowid=False,
    )


def _create_lists() -> None:
    op.create_table(
        "bulkpost_lists",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("name", sa.String(length=150), nullable=False),
        sa.Column("column_names", sa.JSON(), nullable=False),
        sa.Column("total_count", sa.Integer(), nullable=False),
        sa.Column("saving_at", MOMENT, nullable=False),
        sa.Column("saved_at", MOMENT, nullable=True),
        sa.Column("saved_by", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_bulkpost_lists"),
        sa.UniqueConstraint("name", name="uq_bulkpost_lists_name"),
    )
    op.create_table(
        "bulkpost_list_rows",
        sa.Column("list_id", BIG_ID, autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("msisdn", sa.String(length=14), nullable=True),
        sa.Column("ref", sa.String(length=200), nullable=True),
        sa.Column("values_json", sa.Text(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("list_id", "position", name="pk_bulkpost_list_rows"),
        sqlite_with_rowid=False,
    )


def _create_schedules() -> None:
    op.create_table(
        "bulkpost_schedules",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("name", sa.String(length=150), nullable=False),
        sa.Column("account_id", BIG_ID, nullable=False),
        sa.Column("cron", sa.String(length=100), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("missed", sa.String(length=8), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("campaign_options", sa.JSON(), nullable=False),
        sa.Column("recipients_file", sa.Text(), nullable=True),
        sa.Column("list_id", BIG_ID, nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("status_since", MOMENT, nullable=False),
        sa.Column("status_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("next_at", MOMENT, nullable=True),
        sa.Column("making_at", MOMENT, nullable=True),
        sa.Column("making_until", MOMENT, nullable=True),
        sa.Column("tried_count", sa.Integer(), nullable=False),
        sa.Column("last_at", MOMENT, nullable=True),
        sa.Column("last_problem", sa.Text(), nullable=True),
        sa.CheckConstraint("missed IN ('skip', 'once')", name=op.f("ck_bulkpost_schedules_missed")),
        sa.CheckConstraint("status IN ('active', 'paused', 'ended')", name=op.f("ck_bulkpost_schedules_status")),
        sa.CheckConstraint(
            "(recipients_file IS NULL) <> (list_id IS NULL)", name=op.f("ck_bulkpost_schedules_one_source")
        ),
        sa.ForeignKeyConstraint(["account_id"], ["bulkpost_accounts.id"], name="fk_bulkpost_schedules_account_id"),
        sa.ForeignKeyConstraint(["list_id"], ["bulkpost_lists.id"], name="fk_bulkpost_schedules_list_id"),
        sa.PrimaryKeyConstraint("id", name="pk_bulkpost_schedules"),
        sa.UniqueConstraint("name", name="uq_bulkpost_schedules_name"),
    )
    op.create_index(
        "ix_bulkpost_schedules_next",
        "bulkpost_schedules",
        ["next_at"],
        postgresql_where=sa.text("status = 'active'"),
        sqlite_where=sa.text("status = 'active'"),
    )


def downgrade() -> None:
    _be_quick_or_fail()
    for table in ("stops", "schedules", "list_rows", "lists"):
        op.drop_table(f"bulkpost_{table}")
    op.drop_index("uq_bulkpost_campaigns_occurrence", "bulkpost_campaigns")
    for table, columns in COLUMNS.items():
        for name, _ in columns:
            op.drop_column(f"bulkpost_{table}", name)


def _be_quick_or_fail() -> None:
    """Do not queue for a lock in front of the running system."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("SET LOCAL lock_timeout = '5s'")
