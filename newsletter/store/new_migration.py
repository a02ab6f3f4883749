"""For developers: `python -m newsletter.store.new_migration "add alerts"` writes the next revision.

It is the difference between the revisions that there are and the models. Read it before you keep it.
"""

import sys
import tempfile

from alembic import command

from newsletter.store.engine import open_engine
from newsletter.store.migrate import MIGRATIONS, alembic_config, migrate


def write(message: str) -> None:
    """A file in `migrations/versions`, numbered after the last one."""
    number = 1 + len(list(MIGRATIONS.glob("versions/[0-9]*.py")))
    with tempfile.TemporaryDirectory() as folder:
        engine = open_engine(f"sqlite:///{folder}/scratch.db")
        if number > 1:
            migrate(engine)
        with engine.connect() as connection:
            command.revision(alembic_config(connection), message, autogenerate=True, rev_id=f"{number:04}")
        engine.dispose()


if __name__ == "__main__":
    write(" ".join(sys.argv[1:]))
