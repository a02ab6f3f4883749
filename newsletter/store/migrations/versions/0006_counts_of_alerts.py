"""Counts of alerts, and by which rule one is kept back."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    with op.batch_alter_table("alert_reader", schema=None) as batch_op:
        batch_op.add_column(sa.Column("rule", sa.String(), nullable=True))
        batch_op.create_index(
            batch_op.f("ix_alert_reader_alert_id_state"), ["alert_id", "state"], unique=False
        )
