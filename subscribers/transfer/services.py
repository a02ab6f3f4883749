"""The files we know: one value for each, and how a file is recognised among them.

Columns and words come from what writes the files, or from samples of them: Ghost's `members-csv` (which
guards cells like a spreadsheet's formula), listmonk's `cmd/subscribers.go` (times as Go prints them),
Keila's contact import, Buttondown's OpenAPI document and changelog (the types of subscribers), and the
samples of TryGhost/migrate for Mailchimp, Substack, beehiiv and Curated (times as Ruby prints them).
Substack's dashboard is known by its column chooser alone.
"""

from collections.abc import Collection
from dataclasses import replace

from subscribers.transfer.formats import Format, Row, by_flag, by_word, columns_of
from subscribers.transfer.ours import GUARDS
from subscribers.transfer.people import Status
from subscribers.transfer.table import BadFile, BadLine


def _mailchimp(row: Row) -> Status:
    if "clean_time" in row:
        return Status.BOUNCED
    return Status.UNSUBSCRIBED if "unsub_time" in row else Status.SUBSCRIBED


def _substack_dashboard(row: Row) -> Status:
    return Status.UNSUBSCRIBED if row.get("cancel date") else Status.SUBSCRIBED


def _substack_old_dashboard(row: Row) -> Status:
    return Status.SUBSCRIBED if row.get("receiving emails for") else Status.UNSUBSCRIBED


def _subscribed(_row: Row) -> Status:
    return Status.SUBSCRIBED


def _ours(row: Row) -> Status:
    """Only whether the address is closed; how they stand with each newsletter is told apart."""
    meaning = {
        "": Status.SUBSCRIBED,
        "bounced": Status.BOUNCED,
        "complained": Status.COMPLAINED,
        "by hand": Status.BLOCKED,
    }
    reason = row.get("suppressed", "")
    if reason not in meaning:
        raise BadLine(
            "suppressed for an unknown reason", f"use one of {', '.join(filter(None, meaning))}", reason
        )
    return meaning[reason]


PLAIN = Format(
    name="plain",
    signs=frozenset({"email"}),
    status=_subscribed,
    fields=columns_of(email="email", name="name", audiences="audiences", timezone="timezone", hour="hour"),
    tall=False,
    longest=4_000,
)

#: our own export, see `export`
OURS = Format(
    name="Race to AGI",
    signs=frozenset({"email", "lens", "subscriptions", "consent"}),
    status=_ours,
    fields=columns_of(
        email="email",
        name="name",
        country="country",
        timezone="timezone",
        hour="hour",
        tags="tags",
        created_at="created_at",
        left_at="suppressed_since",
    ),
    read=(
        "public_id",
        "weekdays",
        "engaged_at",
        "counted",
        "lens",
        "muted_stories",
        "subscriptions",
        "consent",
        "suppressed",
        "suppressed_note",
    ),
    longest=1_000_000,
    guards=GUARDS,
)

_SUBSTACK_FLAGS = by_flag("email_disabled", wanted="false")

_BUTTONDOWN_TYPES = {
    Status.SUBSCRIBED: "regular premium gifted trialed unpaid churned churning past_due paused",
    Status.PENDING: "unactivated",
    Status.UNSUBSCRIBED: "unsubscribed removed",
    Status.BOUNCED: "undeliverable malformed",
    Status.COMPLAINED: "complained",
    Status.BLOCKED: "blocked spammy disposable disabled",
}
_BUTTONDOWN = Format(
    name="Buttondown",
    signs=frozenset({"email", "subscriber_type"}),
    # "paused" is a hold of the paid part alone: such people still get mail
    status=by_word("subscriber_type", _BUTTONDOWN_TYPES, left="unsubscription_date"),
    fields=columns_of(
        email="email|email_address",
        tags="tags",
        created_at="creation_date",
        agreed_at="subscription_date|creation_date",
        agreed_ip="ip_address",
        left_at="unsubscription_date",
    ),
    read=("subscriber_type",),
    tag_separator=";",
)

FORMATS = (
    OURS,
    Format(
        name="Mailchimp",
        # the columns before these are in the language of the account and may be renamed
        signs=frozenset({"optin_time", "confirm_time", "euid"}),
        status=_mailchimp,
        fields=columns_of(
            first_name="first name|vorname|prénom|nombre|nome|voornaam|förnamn|fornavn|имя|名",
            last_name=(
                "last name|nachname|nom|nom de famille|apellido|apellidos|cognome|sobrenome|achternaam"
                "|efternamn|efternavn|etternavn|фамилия|姓"
            ),
            timezone="timezone",
            country="cc",
            tags="tags",
            created_at="optin_time|confirm_time",
            agreed_at="confirm_time|optin_time",
            agreed_ip="confirm_ip|optin_ip",
            left_at="unsub_time|clean_time",
        ),
    ),
    Format(
        name="Substack",
        signs=frozenset({"email", "email_disabled", "active_subscription"}),
        status=_SUBSTACK_FLAGS,
        fields=columns_of(email="email", created_at="created_at", agreed_at="created_at"),
        read=("email_disabled",),
    ),
    Format(
        name="Substack (paid)",
        signs=frozenset({"email", "email_disabled", "type"}),
        status=_SUBSTACK_FLAGS,
        fields=columns_of(email="email"),
        read=("email_disabled",),
    ),
    Format(
        name="Substack (dashboard)",
        signs=frozenset({"email", "type", "start date"}),
        status=_substack_dashboard,
        fields=columns_of(
            email="email",
            name="name",
            country="country",
            created_at="start date",
            agreed_at="start date",
            left_at="cancel date",
        ),
    ),
    Format(
        name="Substack (old dashboard)",
        signs=frozenset({"email", "subscription type", "activity", "receiving emails for"}),
        status=_substack_old_dashboard,
        fields=columns_of(
            email="email",
            name="name",
            country="subscriber country",
            created_at="subscription date",
            agreed_at="subscription date",
        ),
        read=("receiving emails for",),
    ),
    Format(
        name="beehiiv",
        signs=frozenset({"email", "status", "tier"}),
        status=by_word(
            "status",
            {
                Status.SUBSCRIBED: "active",
                Status.PENDING: "pending validating needs_attention",
                Status.UNSUBSCRIBED: "inactive",
                Status.BOUNCED: "invalid",
            },
            left="unsubscribed_at",
        ),
        fields=columns_of(
            email="email",
            first_name="first name",
            last_name="last name",
            created_at="subscription date (substack)|created_at",
            agreed_at="subscription date (substack)|created_at",
            left_at="unsubscribed_at",
        ),
        read=("status",),
    ),
    Format(
        name="Ghost",
        signs=frozenset({"email", "subscribed_to_emails"}),
        status=by_flag("subscribed_to_emails", wanted="true", left="deleted_at"),
        fields=columns_of(
            email="email",
            name="name",
            tags="labels",
            created_at="created_at",
            agreed_at="created_at",
            left_at="deleted_at",
        ),
        read=("subscribed_to_emails",),
        guards=frozenset("=+-@\t\r"),
    ),
    _BUTTONDOWN,
    replace(  # as its API names the same
        _BUTTONDOWN,
        name="Buttondown (API)",
        signs=frozenset({"email_address", "type", "creation_date"}),
        status=by_word("type", _BUTTONDOWN_TYPES, left="unsubscription_date"),
        read=("type",),
    ),
    Format(
        name="listmonk",
        signs=frozenset({"email", "attributes"}),
        status=by_word(
            "status",
            {Status.SUBSCRIBED: "enabled", Status.UNSUBSCRIBED: "disabled", Status.BLOCKED: "blocklisted"},
        ),
        fields=columns_of(email="email", name="name", created_at="created_at", agreed_at="created_at"),
        read=("status",),
    ),
    Format(
        name="Keila",
        signs=frozenset({"email", "first name", "last name", "data"}),
        status=by_word(
            "status",
            {
                Status.SUBSCRIBED: "active",
                Status.UNSUBSCRIBED: "unsubscribed inactive",
                Status.BOUNCED: "unreachable",
            },
        ),
        fields=columns_of(email="email", first_name="first name", last_name="last name"),
        read=("status",),
    ),
    Format(
        name="Curated",
        signs=frozenset({"email address", "subscribed at"}),
        status=_subscribed,
        fields=columns_of(email="email address", created_at="subscribed at", agreed_at="subscribed at"),
    ),
)


def recognise(columns: Collection[str]) -> Format:
    """The format whose signs are all among the columns (as terms), or the plain one.

    Raises BadFile where the columns are neither, and names them.
    """
    for form in FORMATS:
        if form.signs <= set(columns):
            return form
    known = ", ".join(PLAIN.fields)
    if unknown := [repr(name[:80]) for name in columns if name not in PLAIN.known]:
        services = ", ".join(dict.fromkeys(form.name.partition(" (")[0] for form in FORMATS))
        raise BadFile(
            f"unknown columns {', '.join(unknown[:20])}: the first line names the columns, from {known}, "
            f"or is that of an export by {services}"
        )
    if twice := [name for name in PLAIN.known if list(columns).count(name) > 1]:
        raise BadFile(f"the column {min(twice)} stands there twice: keep one of them")
    if "email" not in columns:
        raise BadFile(f"no column email: the first line names the columns, from {known}")
    return PLAIN
