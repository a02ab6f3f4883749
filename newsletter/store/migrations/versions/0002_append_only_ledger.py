"""Append-only ledger.

No line of consent is ever deleted or changed, whoever tries. The one exception is what the law asks
(GDPR art. 17): once a subscriber is erased, the words and the IP of their lines may be struck out,
since those may name them; what was done, when, and for which newsletters stays.
"""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL:
        op.execute(statement)


SQLITE = (
    """
    CREATE TRIGGER consent_stays BEFORE DELETE ON consent
    BEGIN SELECT RAISE(ABORT, 'the consent ledger only grows: write another line'); END
    """,
    """
    CREATE TRIGGER consent_is_kept
    BEFORE UPDATE OF id, subscriber_id, newsletters, act, channel, wording_version, at ON consent
    BEGIN SELECT RAISE(ABORT, 'the consent ledger only grows: write another line'); END
    """,
    """
    CREATE TRIGGER consent_is_struck_out BEFORE UPDATE OF wording, ip ON consent
    WHEN NEW.wording <> '' OR NEW.ip IS NOT NULL OR NOT EXISTS (
        SELECT 1 FROM subscriber WHERE id = OLD.subscriber_id AND erased_at IS NOT NULL
    )
    BEGIN SELECT RAISE(ABORT, 'the consent ledger only grows: write another line'); END
    """,
)

POSTGRESQL = (
    """
    CREATE FUNCTION consent_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'UPDATE' THEN
            IF NEW.wording = '' AND NEW.ip IS NULL
                AND to_jsonb(NEW) - 'wording' - 'ip' = to_jsonb(OLD) - 'wording' - 'ip'
                AND EXISTS (
                    SELECT 1 FROM subscriber WHERE id = OLD.subscriber_id AND erased_at IS NOT NULL
                )
            THEN
                RETURN NEW;
            END IF;
        END IF;
        RAISE EXCEPTION 'the consent ledger only grows: write another line' USING ERRCODE = 'restrict_violation';
    END $$
    """,
    """
    CREATE TRIGGER consent_only_grows BEFORE UPDATE OR DELETE ON consent
    FOR EACH ROW EXECUTE FUNCTION consent_only_grows()
    """,
    """
    CREATE TRIGGER consent_stays BEFORE TRUNCATE ON consent
    FOR EACH STATEMENT EXECUTE FUNCTION consent_only_grows()
    """,
)
