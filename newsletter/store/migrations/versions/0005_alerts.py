"""Alerts."""

import sqlalchemy as sa
from alembic import op

from subscribers.columns import BigKey, Document, UTCDateTime

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "alert_rule",
        sa.Column("id", BigKey, nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("definition", Document, nullable=False),
        sa.Column("min_outlets", sa.Integer(), nullable=False),
        sa.Column("min_languages", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_rule")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_alert_rule_fingerprint")),
    )
    op.create_table(
        "alert_term",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("term", sa.String(), nullable=False),
        sa.Column("rule_id", BigKey, nullable=False),
        sa.ForeignKeyConstraint(
            ["rule_id"], ["alert_rule.id"], name=op.f("fk_alert_term_rule_id_alert_rule")
        ),
        sa.PrimaryKeyConstraint("kind", "term", "rule_id", name=op.f("pk_alert_term")),
    )
    with op.batch_alter_table("alert_term", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_alert_term_rule_id"), ["rule_id"], unique=False)

    op.create_table(
        "alert",
        sa.Column("id", BigKey, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("story_id", BigKey, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("correction_id", BigKey, nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("made_at", UTCDateTime(), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        sa.Column("companies", Document, nullable=False),
        sa.Column("rules", Document, nullable=False),
        sa.Column("audiences", Document, nullable=False),
        sa.Column("segment", sa.String(), nullable=True),
        sa.Column("headline", sa.String(), nullable=True),
        sa.Column("line", sa.String(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="0", nullable=False),
        sa.Column("edited_by", BigKey, nullable=True),
        sa.Column("approved_by", sa.String(), nullable=True),
        sa.Column("approved_at", UTCDateTime(), nullable=True),
        sa.Column("release_at", UTCDateTime(), nullable=True),
        sa.Column("content_hash", sa.String(), nullable=True),
        sa.Column("pieces", Document, nullable=False),
        sa.Column("reached", BigKey, server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["correction_id"], ["correction.id"], name=op.f("fk_alert_correction_id_correction")
        ),
        sa.ForeignKeyConstraint(["edited_by"], ["editor.id"], name=op.f("fk_alert_edited_by_editor")),
        sa.ForeignKeyConstraint(["story_id"], ["story.id"], name=op.f("fk_alert_story_id_story")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert")),
    )
    with op.batch_alter_table("alert", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_alert_state_release_at"), ["state", "release_at"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_alert_story_id_revision"), ["story_id", "revision"], unique=False
        )

    op.create_table(
        "alert_choices",
        sa.Column("subscriber_id", BigKey, nullable=False),
        sa.Column("quiet_from", sa.Integer(), nullable=False),
        sa.Column("quiet_until", sa.Integer(), nullable=False),
        sa.Column("quiet_days", sa.Integer(), nullable=False),
        sa.Column("in_quiet", sa.String(), nullable=False),
        sa.Column("afterwards", sa.String(), nullable=False),
        sa.Column("mails_a_day", sa.Integer(), nullable=False),
        sa.Column("from_editors", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscriber.id"], name=op.f("fk_alert_choices_subscriber_id_subscriber")
        ),
        sa.PrimaryKeyConstraint("subscriber_id", name=op.f("pk_alert_choices")),
    )
    op.create_table(
        "watch",
        sa.Column("id", BigKey, nullable=False),
        sa.Column("subscriber_id", BigKey, nullable=False),
        sa.Column("rule_id", BigKey, nullable=False),
        sa.Column("made_at", UTCDateTime(), nullable=False),
        sa.Column("paused_until", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["rule_id"], ["alert_rule.id"], name=op.f("fk_watch_rule_id_alert_rule")),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscriber.id"], name=op.f("fk_watch_subscriber_id_subscriber")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_watch")),
        sa.UniqueConstraint("subscriber_id", "rule_id", name=op.f("uq_watch_subscriber_id_rule_id")),
    )
    with op.batch_alter_table("watch", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_watch_rule_id_subscriber_id"), ["rule_id", "subscriber_id"], unique=False
        )

    op.create_table(
        "alert_reader",
        sa.Column("id", BigKey, nullable=False),
        sa.Column("alert_id", BigKey, nullable=True),
        sa.Column("subscriber_id", BigKey, nullable=False),
        sa.Column("story_id", BigKey, nullable=False),
        sa.Column("rules", Document, nullable=False),
        sa.Column("changes", Document, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("decided_at", UTCDateTime(), nullable=False),
        sa.Column("due_at", UTCDateTime(), nullable=False),
        sa.Column("edition_id", BigKey, nullable=True),
        sa.Column("mailed_at", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name=op.f("fk_alert_reader_alert_id_alert")),
        sa.ForeignKeyConstraint(
            ["edition_id"], ["edition.id"], name=op.f("fk_alert_reader_edition_id_edition")
        ),
        sa.ForeignKeyConstraint(["story_id"], ["story.id"], name=op.f("fk_alert_reader_story_id_story")),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscriber.id"], name=op.f("fk_alert_reader_subscriber_id_subscriber")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_reader")),
        sa.UniqueConstraint("alert_id", "subscriber_id", name=op.f("uq_alert_reader_alert_id_subscriber_id")),
    )
    with op.batch_alter_table("alert_reader", schema=None) as batch_op:
        batch_op.create_index(
            "ix_alert_reader_folded",
            ["story_id", "subscriber_id"],
            unique=False,
            sqlite_where=sa.text("state = 'folded'"),
            postgresql_where=sa.text("state = 'folded'"),
        )
        batch_op.create_index(
            "ix_alert_reader_folded_at",
            ["due_at"],
            unique=False,
            sqlite_where=sa.text("state = 'folded'"),
            postgresql_where=sa.text("state = 'folded'"),
        )
        batch_op.create_index(
            "ix_alert_reader_mailed",
            ["subscriber_id", "mailed_at"],
            unique=False,
            sqlite_where=sa.text("state = 'mailed'"),
            postgresql_where=sa.text("state = 'mailed'"),
        )
        batch_op.create_index(
            batch_op.f("ix_alert_reader_subscriber_id_story_id"), ["subscriber_id", "story_id"], unique=False
        )
        batch_op.create_index(
            "ix_alert_reader_waiting",
            ["due_at"],
            unique=False,
            sqlite_where=sa.text("state = 'waiting'"),
            postgresql_where=sa.text("state = 'waiting'"),
        )

    with op.batch_alter_table("edition", schema=None) as batch_op:
        batch_op.add_column(sa.Column("alerted_at", UTCDateTime(), nullable=True))
        batch_op.alter_column("issue_id", existing_type=sa.INTEGER(), nullable=True)
        batch_op.create_index(
            "uq_edition_alerted",
            ["fingerprint"],
            unique=True,
            sqlite_where=sa.text("issue_id IS NULL"),
            postgresql_where=sa.text("issue_id IS NULL"),
        )

    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.create_index(
            "ix_delivery_unsent",
            ["settled_at"],
            unique=False,
            sqlite_where=sa.text("kind = 'alert' AND state IN ('expired', 'withheld', 'cancelled')"),
            postgresql_where=sa.text("kind = 'alert' AND state IN ('expired', 'withheld', 'cancelled')"),
        )

    with op.batch_alter_table("edition_story", schema=None) as batch_op:
        batch_op.add_column(sa.Column("rules", Document, server_default="[]", nullable=False))

    with op.batch_alter_table("story", schema=None) as batch_op:
        batch_op.add_column(sa.Column("watched", sa.Integer(), server_default="0", nullable=False))
    # what is known by now breaks no more
    op.execute("UPDATE story SET watched = revision")
    with op.batch_alter_table("story", schema=None) as batch_op:
        batch_op.create_index(
            "ix_story_unwatched",
            ["id"],
            unique=False,
            sqlite_where=sa.text("watched < revision"),
            postgresql_where=sa.text("watched < revision"),
        )
