"""Counts of alerts."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    with op.batch_alter_table("alert_reader", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_alert_reader_alert_id_state"), ["alert_id", "state"], unique=False
        )
