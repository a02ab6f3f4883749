"""${message[0].upper() + message[1:].rstrip('.')}."""

import sqlalchemy as sa
from alembic import op

from subscribers.columns import BigKey, Document, UTCDateTime

revision = ${repr(up_revision).replace("'", '"')}
down_revision = ${repr(down_revision).replace("'", '"')}


def upgrade() -> None:
    ${"\n".join(line for line in upgrades.splitlines() if "###" not in line).lstrip()}
