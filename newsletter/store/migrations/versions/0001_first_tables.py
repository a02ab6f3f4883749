"""First tables."""

import sqlalchemy as sa
from alembic import op

from subscribers.columns import BigKey, Document, UTCDateTime

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "batch",
        sa.Column("id", BigKey, nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("format", sa.String(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("report", Document, nullable=False),
        sa.Column("started_at", UTCDateTime(), nullable=False),
        sa.Column("finished_at", UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_batch_fingerprint")),
    )
    op.create_table(
        "lens",
        sa.Column("id", BigKey, nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("definition", Document, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lens")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_lens_fingerprint")),
    )
    op.create_table(
        "newsletter",
        sa.Column("id", BigKey, nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("cadence", sa.String(), nullable=False),
        sa.Column("weekday", sa.Integer(), nullable=True),
        sa.Column("timezone", sa.String(), nullable=False),
        sa.Column("cutoff", sa.String(), nullable=False),
        sa.Column("publish", sa.String(), nullable=False),
        sa.Column("lead_hours", sa.Integer(), nullable=False),
        sa.Column("catch_up_hours", sa.Integer(), nullable=False),
        sa.Column("policy", sa.String(), nullable=False),
        sa.Column("min_stories", sa.Integer(), nullable=False),
        sa.Column("max_stories", sa.Integer(), nullable=False),
        sa.Column("default_hour", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_newsletter")),
        sa.UniqueConstraint("slug", name=op.f("uq_newsletter_slug")),
    )
    op.create_table(
        "segment",
        sa.Column("id", BigKey, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_segment")),
        sa.UniqueConstraint("name", name=op.f("uq_segment_name")),
    )
    op.create_table(
        "story",
        sa.Column("id", BigKey, nullable=False),
        sa.Column("event_key", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("first_seen_at", UTCDateTime(), nullable=False),
        sa.Column("changed_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_story")),
        sa.UniqueConstraint("event_key", name=op.f("uq_story_event_key")),
    )
    with op.batch_alter_table("story", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_story_changed_at"), ["changed_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_story_date"), ["date"], unique=False)
        batch_op.create_index(batch_op.f("ix_story_first_seen_at"), ["first_seen_at"], unique=False)

    op.create_table(
        "suppression",
        sa.Column("id", BigKey, nullable=False),
        sa.Column("email_key", sa.String(), nullable=True),
        sa.Column("digest", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("since", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suppression")),
        sa.UniqueConstraint("digest", name=op.f("uq_suppression_digest")),
        sa.UniqueConstraint("email_key", name=op.f("uq_suppression_email_key")),
    )
    op.create_table(
        "throttle",
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("window_start", UTCDateTime(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "window_start", name=op.f("pk_throttle")),
    )
    with op.batch_alter_table("throttle", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_throttle_window_start"), ["window_start"], unique=False)

    op.create_table(
        "coverage",
        sa.Column("id", BigKey, nullable=False),
        sa.Column("story_id", BigKey, nullable=False),
        sa.Column("outlet_key", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("first_seen_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["story_id"], ["story.id"], name=op.f("fk_coverage_story_id_story")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coverage")),
        sa.UniqueConstraint(
            "story_id", "outlet_key", "url", name=op.f("uq_coverage_story_id_outlet_key_url")
        ),
    )
    op.create_table(
        "issue",
        sa.Column("id", BigKey, nullable=False),
        sa.Column("newsletter_id", BigKey, nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("since_at", UTCDateTime(), nullable=False),
        sa.Column("cutoff_at", UTCDateTime(), nullable=False),
        sa.Column("publish_at", UTCDateTime(), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        sa.Column("content_hash", sa.String(), nullable=True),
        sa.Column("approved_by", sa.String(), nullable=True),
        sa.Column("approved_at", UTCDateTime(), nullable=True),
        sa.Column("published_at", UTCDateTime(), nullable=True),
        sa.Column("finished_at", UTCDateTime(), nullable=True),
        sa.Column("frozen", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["newsletter_id"], ["newsletter.id"], name=op.f("fk_issue_newsletter_id_newsletter")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_issue")),
        sa.UniqueConstraint("newsletter_id", "date", name=op.f("uq_issue_newsletter_id_date")),
    )
    with op.batch_alter_table("issue", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_issue_state"), ["state"], unique=False)

    op.create_table(
        "mention",
        sa.Column("story_id", BigKey, nullable=False),
        sa.Column("company_key", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["story_id"], ["story.id"], name=op.f("fk_mention_story_id_story")),
        sa.PrimaryKeyConstraint("story_id", "company_key", name=op.f("pk_mention")),
    )
    with op.batch_alter_table("mention", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_mention_company_key"), ["company_key"], unique=False)

    op.create_table(
        "story_record",
        sa.Column("id", BigKey, nullable=False),
        sa.Column("story_id", BigKey, nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("document", Document, nullable=False),
        sa.Column("seen_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["story_id"], ["story.id"], name=op.f("fk_story_record_story_id_story")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_story_record")),
        sa.UniqueConstraint("external_id", name=op.f("uq_story_record_external_id")),
    )
    with op.batch_alter_table("story_record", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_story_record_story_id"), ["story_id"], unique=False)

    op.create_table(
        "story_revision",
        sa.Column("story_id", BigKey, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("seen_at", UTCDateTime(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("document", Document, nullable=False),
        sa.ForeignKeyConstraint(["story_id"], ["story.id"], name=op.f("fk_story_revision_story_id_story")),
        sa.PrimaryKeyConstraint("story_id", "number", name=op.f("pk_story_revision")),
    )
    op.create_table(
        "subscriber",
        sa.Column("id", BigKey, nullable=False),
        sa.Column("public_id", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("email_key", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("lens_id", BigKey, nullable=False),
        sa.Column("timezone", sa.String(), nullable=False),
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("weekdays", sa.Integer(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("country", sa.String(), nullable=True),
        sa.Column("batch_id", BigKey, nullable=True),
        sa.Column("erased_at", UTCDateTime(), nullable=True),
        sa.CheckConstraint("hour BETWEEN 0 AND 23", name=op.f("ck_subscriber_hour")),
        sa.CheckConstraint("weekdays BETWEEN 1 AND 127", name=op.f("ck_subscriber_weekdays")),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_subscriber_batch_id_batch")),
        sa.ForeignKeyConstraint(["lens_id"], ["lens.id"], name=op.f("fk_subscriber_lens_id_lens")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscriber")),
        sa.UniqueConstraint("email_key", name=op.f("uq_subscriber_email_key")),
        sa.UniqueConstraint("public_id", name=op.f("uq_subscriber_public_id")),
    )
    with op.batch_alter_table("subscriber", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_subscriber_batch_id"), ["batch_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_subscriber_lens_id"), ["lens_id"], unique=False)

    op.create_table(
        "consent",
        sa.Column("id", BigKey, nullable=False),
        sa.Column("subscriber_id", BigKey, nullable=False),
        sa.Column("newsletters", Document, nullable=False),
        sa.Column("act", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("wording", sa.String(), nullable=False),
        sa.Column("wording_version", sa.String(), nullable=True),
        sa.Column("ip", sa.String(), nullable=True),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscriber.id"], name=op.f("fk_consent_subscriber_id_subscriber")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
    )
    with op.batch_alter_table("consent", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_consent_subscriber_id"), ["subscriber_id"], unique=False)

    op.create_table(
        "edition",
        sa.Column("id", BigKey, nullable=False),
        sa.Column("issue_id", BigKey, nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("readers", sa.Integer(), nullable=False),
        sa.Column("skipped", sa.String(), nullable=True),
        sa.Column("subject", sa.String(), nullable=True),
        sa.Column("size_bytes", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["issue_id"], ["issue.id"], name=op.f("fk_edition_issue_id_issue")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_edition")),
        sa.UniqueConstraint("issue_id", "fingerprint", name=op.f("uq_edition_issue_id_fingerprint")),
    )
    op.create_table(
        "muted_story",
        sa.Column("subscriber_id", BigKey, nullable=False),
        sa.Column("story_id", BigKey, nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscriber.id"], name=op.f("fk_muted_story_subscriber_id_subscriber")
        ),
        sa.PrimaryKeyConstraint("subscriber_id", "story_id", name=op.f("pk_muted_story")),
    )
    with op.batch_alter_table("muted_story", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_muted_story_story_id"), ["story_id"], unique=False)

    op.create_table(
        "pick",
        sa.Column("issue_id", BigKey, nullable=False),
        sa.Column("story_id", BigKey, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("pin", sa.Integer(), nullable=True),
        sa.Column("dropped", sa.Boolean(), nullable=False),
        sa.Column("headline", sa.String(), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["issue_id"], ["issue.id"], name=op.f("fk_pick_issue_id_issue")),
        sa.ForeignKeyConstraint(["story_id"], ["story.id"], name=op.f("fk_pick_story_id_story")),
        sa.PrimaryKeyConstraint("issue_id", "story_id", name=op.f("pk_pick")),
    )
    op.create_table(
        "piece",
        sa.Column("id", BigKey, nullable=False),
        sa.Column("issue_id", BigKey, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("document", Document, nullable=False),
        sa.ForeignKeyConstraint(["issue_id"], ["issue.id"], name=op.f("fk_piece_issue_id_issue")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_piece")),
        sa.UniqueConstraint("issue_id", "name", name=op.f("uq_piece_issue_id_name")),
    )
    op.create_table(
        "subscription",
        sa.Column("id", BigKey, nullable=False),
        sa.Column("subscriber_id", BigKey, nullable=False),
        sa.Column("newsletter", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("requested_at", UTCDateTime(), nullable=False),
        sa.Column("confirmed_at", UTCDateTime(), nullable=True),
        sa.Column("unsubscribed_at", UTCDateTime(), nullable=True),
        sa.Column("paused_until", UTCDateTime(), nullable=True),
        sa.CheckConstraint(
            "state IN ('pending', 'confirmed', 'unsubscribed')", name=op.f("ck_subscription_state")
        ),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscriber.id"], name=op.f("fk_subscription_subscriber_id_subscriber")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscription")),
        sa.UniqueConstraint(
            "subscriber_id", "newsletter", name=op.f("uq_subscription_subscriber_id_newsletter")
        ),
    )
    with op.batch_alter_table("subscription", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_subscription_newsletter_state"), ["newsletter", "state"], unique=False
        )

    op.create_table(
        "tag",
        sa.Column("subscriber_id", BigKey, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscriber.id"], name=op.f("fk_tag_subscriber_id_subscriber")
        ),
        sa.PrimaryKeyConstraint("subscriber_id", "name", name=op.f("pk_tag")),
    )
    with op.batch_alter_table("tag", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_tag_name"), ["name"], unique=False)

    op.create_table(
        "delivery",
        sa.Column("id", BigKey, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("occasion_id", BigKey, nullable=False),
        sa.Column("subscriber_id", BigKey, nullable=False),
        sa.Column("newsletter", sa.String(), nullable=True),
        sa.Column("edition_id", BigKey, nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("due_at", UTCDateTime(), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("lease_until", UTCDateTime(), nullable=True),
        sa.Column("provider", sa.String(), nullable=True),
        sa.Column("provider_message_id", sa.String(), nullable=True),
        sa.Column("queued_at", UTCDateTime(), nullable=False),
        sa.Column("settled_at", UTCDateTime(), nullable=True),
        sa.CheckConstraint(
            "state IN ('queued', 'claimed', 'submitting', 'accepted', 'refused', 'unknown', 'withheld', 'expired', 'cancelled')",
            name=op.f("ck_delivery_state"),
        ),
        sa.ForeignKeyConstraint(["edition_id"], ["edition.id"], name=op.f("fk_delivery_edition_id_edition")),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscriber.id"], name=op.f("fk_delivery_subscriber_id_subscriber")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
        sa.UniqueConstraint(
            "kind", "occasion_id", "subscriber_id", name=op.f("uq_delivery_kind_occasion_id_subscriber_id")
        ),
    )
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_delivery_edition_id_state"), ["edition_id", "state"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_delivery_state_due_at"), ["state", "due_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_delivery_subscriber_id"), ["subscriber_id"], unique=False)

    op.create_table(
        "edition_story",
        sa.Column("edition_id", BigKey, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("story_id", BigKey, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("piece", sa.String(), nullable=False),
        sa.Column("because", Document, nullable=False),
        sa.Column("changes", Document, nullable=False),
        sa.ForeignKeyConstraint(
            ["edition_id"], ["edition.id"], name=op.f("fk_edition_story_edition_id_edition")
        ),
        sa.ForeignKeyConstraint(["story_id"], ["story.id"], name=op.f("fk_edition_story_story_id_story")),
        sa.PrimaryKeyConstraint("edition_id", "position", name=op.f("pk_edition_story")),
    )
    with op.batch_alter_table("edition_story", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_edition_story_story_id"), ["story_id"], unique=False)
