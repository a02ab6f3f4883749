"""Sending, desk and hooks: the outbox gets its order, and what stands around it its tables.

On PostgreSQL the tables of Procrastinate are made as well. A newer release of it brings changes to
them: whoever raises its version adds them as a revision.
"""

import sqlalchemy as sa
from alembic import op
from procrastinate.schema import SchemaManager

from subscribers.columns import BigKey, Document, UTCDateTime

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "editor",
        sa.Column("id", BigKey, nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("email_key", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("added_at", UTCDateTime(), nullable=False),
        sa.Column("removed_at", UTCDateTime(), nullable=True),
        sa.CheckConstraint("role IN ('viewer', 'editor', 'approver', 'admin')", name=op.f("ck_editor_role")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_editor")),
        sa.UniqueConstraint("email_key", name=op.f("uq_editor_email_key")),
    )
    op.create_table(
        "event",
        sa.Column("id", BigKey, nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("delivery_id", BigKey, nullable=True),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("received_at", UTCDateTime(), nullable=False),
        sa.Column("applied_at", UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
        sa.UniqueConstraint("provider", "key", name=op.f("uq_event_provider_key")),
    )
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_event_delivery_id"), ["delivery_id"], unique=False)
        batch_op.create_index(
            "ix_event_waiting",
            ["id"],
            unique=False,
            sqlite_where=sa.text("applied_at IS NULL"),
            postgresql_where=sa.text("applied_at IS NULL"),
        )

    op.create_table(
        "hook",
        sa.Column("id", BigKey, nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("secret", sa.String(), nullable=False),
        sa.Column("events", Document, nullable=False),
        sa.Column("added_at", UTCDateTime(), nullable=False),
        sa.Column("removed_at", UTCDateTime(), nullable=True),
        sa.Column("consent_id", BigKey, nullable=False),
        sa.Column("event_id", BigKey, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hook")),
    )
    op.create_table(
        "job",
        sa.Column("id", BigKey, nullable=False),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("ref", BigKey, nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("run_at", UTCDateTime(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("lease_until", UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
    )
    with op.batch_alter_table("job", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_job_lease_until"), ["lease_until"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_job_priority_run_at_id"), ["priority", "run_at", "id"], unique=False
        )

    op.create_table(
        "pace",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("per_hour", sa.Integer(), nullable=True),
        sa.Column("burst", sa.Integer(), nullable=True),
        sa.Column("connections", sa.Integer(), nullable=True),
        sa.Column("warm_up_from", sa.Date(), nullable=True),
        sa.Column("warm_up_first", sa.Integer(), nullable=True),
        sa.Column("warm_up_growth", sa.Double(), nullable=True),
        sa.Column("next_at", UTCDateTime(), nullable=True),
        sa.Column("reserved_at", UTCDateTime(), nullable=True),
        sa.Column("day", sa.Date(), nullable=True),
        sa.Column("day_count", sa.Integer(), nullable=False),
        sa.Column("closed_until", UTCDateTime(), nullable=True),
        sa.Column("stopped", sa.Boolean(), nullable=False),
        sa.Column("closed_because", sa.String(), nullable=True),
        sa.Column("closed_times", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_pace")),
    )
    op.create_table(
        "pulse",
        sa.Column("process", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("machine", sa.String(), nullable=False),
        sa.Column("started_at", UTCDateTime(), nullable=False),
        sa.Column("seen_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("process", name=op.f("pk_pulse")),
    )
    with op.batch_alter_table("pulse", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_pulse_seen_at"), ["seen_at"], unique=False)

    op.create_table(
        "audit_line",
        sa.Column("id", BigKey, nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("editor_id", BigKey, nullable=True),
        sa.Column("act", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("detail", Document, nullable=True),
        sa.Column("ip", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["editor_id"], ["editor.id"], name=op.f("fk_audit_line_editor_id_editor")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_line")),
    )
    with op.batch_alter_table("audit_line", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_audit_line_at"), ["at"], unique=False)
        batch_op.create_index(batch_op.f("ix_audit_line_editor_id"), ["editor_id"], unique=False)

    op.create_table(
        "editor_session",
        sa.Column("id", BigKey, nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("editor_id", BigKey, nullable=False),
        sa.Column("signed_in_at", UTCDateTime(), nullable=False),
        sa.Column("seen_at", UTCDateTime(), nullable=False),
        sa.Column("ended_at", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["editor_id"], ["editor.id"], name=op.f("fk_editor_session_editor_id_editor")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_editor_session")),
        sa.UniqueConstraint("digest", name=op.f("uq_editor_session_digest")),
    )
    with op.batch_alter_table("editor_session", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_editor_session_editor_id"), ["editor_id"], unique=False)

    op.create_table(
        "sign_in",
        sa.Column("id", BigKey, nullable=False),
        sa.Column("editor_id", BigKey, nullable=False),
        sa.Column("asked_at", UTCDateTime(), nullable=False),
        sa.Column("used_at", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["editor_id"], ["editor.id"], name=op.f("fk_sign_in_editor_id_editor")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in")),
    )
    with op.batch_alter_table("sign_in", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sign_in_editor_id"), ["editor_id"], unique=False)

    op.create_table(
        "hit",
        sa.Column("issue_id", BigKey, nullable=False),
        sa.Column("link_id", BigKey, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("visitor", sa.String(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["issue_id"], ["issue.id"], name=op.f("fk_hit_issue_id_issue")),
        sa.PrimaryKeyConstraint("issue_id", "link_id", "day", "visitor", name=op.f("pk_hit")),
    )
    op.create_table(
        "hook_post",
        sa.Column("id", BigKey, nullable=False),
        sa.Column("public_id", sa.String(), nullable=False),
        sa.Column("hook_id", BigKey, nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subscriber_id", BigKey, nullable=True),
        sa.Column("body", Document, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("due_at", UTCDateTime(), nullable=False),
        sa.Column("answer", sa.String(), nullable=True),
        sa.Column("settled_at", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["hook_id"], ["hook.id"], name=op.f("fk_hook_post_hook_id_hook")),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscriber.id"], name=op.f("fk_hook_post_subscriber_id_subscriber")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hook_post")),
        sa.UniqueConstraint("hook_id", "source", name=op.f("uq_hook_post_hook_id_source")),
        sa.UniqueConstraint("public_id", name=op.f("uq_hook_post_public_id")),
    )
    with op.batch_alter_table("hook_post", schema=None) as batch_op:
        batch_op.create_index(
            "ix_hook_post_due",
            ["due_at"],
            unique=False,
            sqlite_where=sa.text("state = 'waiting'"),
            postgresql_where=sa.text("state = 'waiting'"),
        )
        batch_op.create_index(batch_op.f("ix_hook_post_subscriber_id"), ["subscriber_id"], unique=False)

    op.create_table(
        "link",
        sa.Column("id", BigKey, nullable=False),
        sa.Column("issue_id", BigKey, nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["issue_id"], ["issue.id"], name=op.f("fk_link_issue_id_issue")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_link")),
        sa.UniqueConstraint("issue_id", "url", name=op.f("uq_link_issue_id_url")),
    )
    op.create_table(
        "reader_hit",
        sa.Column("id", BigKey, nullable=False),
        sa.Column("delivery_id", BigKey, nullable=False),
        sa.Column("link_id", BigKey, nullable=False),
        sa.Column("visitor", sa.String(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["delivery.id"], name=op.f("fk_reader_hit_delivery_id_delivery")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reader_hit")),
    )
    with op.batch_alter_table("reader_hit", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_reader_hit_delivery_id"), ["delivery_id"], unique=False)

    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.add_column(sa.Column("editor_id", BigKey, nullable=True))
        batch_op.add_column(sa.Column("priority", sa.Integer(), server_default="2", nullable=False))
        batch_op.add_column(sa.Column("repeats", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("mailbox", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("mailbox_at", UTCDateTime(), nullable=True))
        batch_op.alter_column("subscriber_id", existing_type=sa.INTEGER(), nullable=True)
        batch_op.drop_index(batch_op.f("ix_delivery_state_due_at"))
        batch_op.drop_index(batch_op.f("ix_delivery_edition_id_state"))
        batch_op.create_index(
            "ix_delivery_held",
            ["lease_until"],
            unique=False,
            sqlite_where=sa.text("lease_until IS NOT NULL"),
            postgresql_where=sa.text("lease_until IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_delivery_queued",
            ["priority", "occasion_id", "due_at", "edition_id", "id"],
            unique=False,
            sqlite_where=sa.text("state = 'queued'"),
            postgresql_where=sa.text("state = 'queued'"),
        )
        batch_op.create_index(
            "ix_delivery_complained",
            ["settled_at"],
            unique=False,
            sqlite_where=sa.text("mailbox = 'complained'"),
            postgresql_where=sa.text("mailbox = 'complained'"),
        )
        batch_op.create_index(
            "ix_delivery_unknown",
            ["settled_at"],
            unique=False,
            sqlite_where=sa.text("state = 'unknown'"),
            postgresql_where=sa.text("state = 'unknown'"),
        )
        batch_op.create_index(
            "uq_delivery_editor",
            ["kind", "occasion_id", "editor_id"],
            unique=True,
            sqlite_where=sa.text("editor_id IS NOT NULL"),
            postgresql_where=sa.text("editor_id IS NOT NULL"),
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_delivery_editor_id_editor"), "editor", ["editor_id"], ["id"]
        )
        batch_op.create_check_constraint("one_recipient", "(subscriber_id IS NULL) <> (editor_id IS NULL)")
    op.execute("UPDATE delivery SET priority = 0 WHERE kind <> 'digest'")

    with op.batch_alter_table("newsletter", schema=None) as batch_op:
        batch_op.add_column(sa.Column("unknown", sa.String(), server_default="keep", nullable=False))
        batch_op.add_column(
            sa.Column("unknown_wait_hours", sa.Integer(), server_default="24", nullable=False)
        )
        batch_op.add_column(sa.Column("tracking", sa.String(), server_default="off", nullable=False))

    # in place: a table made anew would break the triggers that look into it
    op.add_column("subscriber", sa.Column("engaged_at", UTCDateTime(), nullable=True))
    op.add_column("subscriber", sa.Column("counted", sa.Boolean(), server_default="false", nullable=False))
    op.create_index(op.f("ix_subscriber_engaged_at"), "subscriber", ["engaged_at"], unique=False)

    if op.get_bind().dialect.name == "sqlite":
        for statement in SQLITE:
            op.execute(statement)
        return
    for statement in POSTGRESQL:
        op.execute(statement)
    # past SQLAlchemy, which would take its colons and percent signs for parameters
    op.get_bind().connection.cursor().execute(SchemaManager.get_schema())


SQLITE = (
    """
    CREATE TRIGGER audit_line_stays BEFORE DELETE ON audit_line
    BEGIN SELECT RAISE(ABORT, 'the log of the desk only grows'); END
    """,
    """
    CREATE TRIGGER audit_line_is_kept BEFORE UPDATE ON audit_line
    BEGIN SELECT RAISE(ABORT, 'the log of the desk only grows'); END
    """,
)

POSTGRESQL = (
    """
    CREATE FUNCTION audit_line_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'the log of the desk only grows' USING ERRCODE = 'restrict_violation';
    END $$
    """,
    """
    CREATE TRIGGER audit_line_only_grows BEFORE UPDATE OR DELETE ON audit_line
    FOR EACH ROW EXECUTE FUNCTION audit_line_only_grows()
    """,
    """
    CREATE TRIGGER audit_line_stays BEFORE TRUNCATE ON audit_line
    FOR EACH STATEMENT EXECUTE FUNCTION audit_line_only_grows()
    """,
)
