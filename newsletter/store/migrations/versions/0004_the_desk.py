"""The desk: editors' changes to issues, corrections, forecasts, keys of programs, and what is counted."""

import sqlalchemy as sa
from alembic import op

from subscribers.columns import BigKey, Document, UTCDateTime

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "day_count",
        sa.Column("id", BigKey, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("newsletter", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_day_count")),
        sa.UniqueConstraint(
            "day", "newsletter", "what", "kind", name=op.f("uq_day_count_day_newsletter_what_kind")
        ),
    )
    op.create_table(
        "link_check",
        sa.Column("id", BigKey, nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("checked_at", UTCDateTime(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("led_to", sa.String(), nullable=True),
        sa.Column("trouble", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_link_check")),
        sa.UniqueConstraint("url", name=op.f("uq_link_check_url")),
    )
    op.create_table(
        "inspection",
        sa.Column("issue_id", BigKey, nullable=False),
        sa.Column("begun_at", UTCDateTime(), nullable=False),
        sa.Column("beat", UTCDateTime(), nullable=False),
        sa.Column("ended_at", UTCDateTime(), nullable=True),
        sa.Column("links", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("untold", sa.Integer(), nullable=False),
        sa.Column("trouble", sa.String(), nullable=True),
        sa.Column("spam_score", sa.Double(), nullable=True),
        sa.Column("spam_rules", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["issue_id"], ["issue.id"], name=op.f("fk_inspection_issue_id_issue")),
        sa.PrimaryKeyConstraint("issue_id", name=op.f("pk_inspection")),
    )
    op.create_table(
        "notice",
        sa.Column("id", BigKey, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("told_at", UTCDateTime(), nullable=True),
        sa.Column("over_at", UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
    )
    with op.batch_alter_table("notice", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_notice_at"), ["at"], unique=False)
        batch_op.create_index(
            "uq_notice_lasting",
            ["key"],
            unique=True,
            sqlite_where=sa.text("over_at IS NULL"),
            postgresql_where=sa.text("over_at IS NULL"),
        )

    op.create_table(
        "api_key",
        sa.Column("id", BigKey, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("made_by", BigKey, nullable=True),
        sa.Column("made_at", UTCDateTime(), nullable=False),
        sa.Column("used_at", UTCDateTime(), nullable=True),
        sa.Column("ended_at", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["made_by"], ["editor.id"], name=op.f("fk_api_key_made_by_editor")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sa.UniqueConstraint("digest", name=op.f("uq_api_key_digest")),
    )
    op.create_table(
        "correction",
        sa.Column("id", BigKey, nullable=False),
        sa.Column("story_id", BigKey, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("made_at", UTCDateTime(), nullable=False),
        sa.Column("editor_id", BigKey, nullable=True),
        sa.Column("confirmed_at", UTCDateTime(), nullable=True),
        sa.Column("confirmed_by", BigKey, nullable=True),
        sa.Column("noted_at", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["confirmed_by"], ["editor.id"], name=op.f("fk_correction_confirmed_by_editor")
        ),
        sa.ForeignKeyConstraint(["editor_id"], ["editor.id"], name=op.f("fk_correction_editor_id_editor")),
        sa.ForeignKeyConstraint(["story_id"], ["story.id"], name=op.f("fk_correction_story_id_story")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_correction")),
    )
    with op.batch_alter_table("correction", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_correction_confirmed_at"), ["confirmed_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_correction_made_at"), ["made_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_correction_story_id"), ["story_id"], unique=False)

    op.create_table(
        "issue_change",
        sa.Column("issue_id", BigKey, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("editor_id", BigKey, nullable=True),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("before", Document, nullable=False),
        sa.Column("after", Document, nullable=False),
        sa.Column("undoes", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["editor_id"], ["editor.id"], name=op.f("fk_issue_change_editor_id_editor")),
        sa.ForeignKeyConstraint(["issue_id"], ["issue.id"], name=op.f("fk_issue_change_issue_id_issue")),
        sa.PrimaryKeyConstraint("issue_id", "version", name=op.f("pk_issue_change")),
    )
    op.create_table(
        "issue_forecast",
        sa.Column("issue_id", BigKey, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("made_at", UTCDateTime(), nullable=False),
        sa.Column("document", Document, nullable=False),
        sa.ForeignKeyConstraint(["issue_id"], ["issue.id"], name=op.f("fk_issue_forecast_issue_id_issue")),
        sa.PrimaryKeyConstraint("issue_id", name=op.f("pk_issue_forecast")),
    )
    op.create_index(op.f("ix_consent_at"), "consent", ["at"], unique=False)
    with op.batch_alter_table("edition", schema=None) as batch_op:
        batch_op.add_column(sa.Column("content_hash", sa.String(), nullable=True))

    with op.batch_alter_table("issue", schema=None) as batch_op:
        batch_op.add_column(sa.Column("version", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("turn", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("edited_by", BigKey, nullable=True))
        batch_op.add_column(sa.Column("intro", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("release_at", UTCDateTime(), nullable=True))
        batch_op.add_column(sa.Column("rules_hash", sa.String(), nullable=True))
        batch_op.create_foreign_key(batch_op.f("fk_issue_edited_by_editor"), "editor", ["edited_by"], ["id"])

    with op.batch_alter_table("newsletter", schema=None) as batch_op:
        batch_op.add_column(sa.Column("undo_minutes", sa.Integer(), server_default="5", nullable=False))
        batch_op.add_column(sa.Column("two_persons", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.add_column(sa.Column("quiet_days", sa.Integer(), server_default="3", nullable=False))

    with op.batch_alter_table("pick", schema=None) as batch_op:
        batch_op.add_column(sa.Column("rank", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("added", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.add_column(sa.Column("lead_for", Document, server_default="[]", nullable=False))
        batch_op.add_column(sa.Column("tldr", sa.String(), nullable=True))

    with op.batch_alter_table("story", schema=None) as batch_op:
        batch_op.add_column(sa.Column("category", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("impact", sa.String(), nullable=True))
        batch_op.create_index("ix_story_category", ["category", "first_seen_at"], unique=False)
        batch_op.create_index("ix_story_impact", ["impact", "first_seen_at"], unique=False)
    known = "FROM story_revision WHERE story_id = story.id AND number = story.revision"
    op.execute(
        f"UPDATE story SET category = (SELECT document ->> 'category' {known}),"  # noqa: S608
        f" impact = (SELECT document ->> 'impact' {known})"
    )
