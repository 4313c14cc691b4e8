"""${message}

Revision: ${up_revision}, after ${down_revision | comma,n}
"""

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    _be_quick_or_fail()
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    _be_quick_or_fail()
    ${downgrades if downgrades else "pass"}


def _be_quick_or_fail() -> None:
    """Do not queue for a lock in front of the running system."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("SET LOCAL lock_timeout = '5s'")
