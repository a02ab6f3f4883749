"""Exports of other services: what each says of a person."""

import pytest

from subscribers.address import parse
from subscribers.transfer.formats import Format
from subscribers.transfer.people import Person, Refusal, Status
from subscribers.transfer.services import FORMATS, PLAIN
from subscribers.transfer.table import BadFile
from tests.tables import DEFAULTS, at, one, people, real, refusal, taken


def test_mailchimp() -> None:
    """Mailchimp: names, the times and tags of each; who unsubscribed or was cleaned, and when."""
    subscribed = taken(real("mg-mailchimp-members/src/test/fixtures/subscribed.csv"))
    assert list(subscribed) == [f"s{n}@example.com" for n in range(1, 6)]
    fifth = subscribed["s5@example.com"]
    assert (fifth.name, fifth.status) == ("Dolor Simet", Status.SUBSCRIBED)
    assert fifth.tags == {"lorem editors"}
    assert fifth.agreed_at == fifth.created_at == at("2018-02-05 19:28:22")
    assert subscribed["s1@example.com"].tags == frozenset()
    left = taken(real("mg-mailchimp-members/src/test/fixtures/unsubscribed.csv"))
    assert {person.status for person in left.values()} == {"unsubscribed"}
    assert left["u1@example.com"].left_at == at("2018-07-23 12:19:27")
    assert left["u3@example.com"].name == "Lorem Ipsum"
    cleaned = taken(real("mg-mailchimp-members/src/test/fixtures/cleaned.csv"))
    assert {person.status for person in cleaned.values()} == {"bounced"}
    assert cleaned["c1@example.com"].left_at == at("2020-03-23 17:30:05")
    assert cleaned["c5@example.com"].tags == {"editors"}


CAPITALS = "OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,TIMEZONE,CC,LEID,EUID,TAGS"


@pytest.mark.parametrize(
    "localised",
    [
        "E-Mail-Adresse,Vorname,Nachname",
        "Deine E-Mail Adresse,Vorname,Nachname",
        "Adresse e-mail,Prénom,Nom",
        "Correo electrónico,Nombre,Apellidos",
    ],
)
def test_mailchimp_in_other_languages(localised: str) -> None:
    """The first columns are in the account's language; the capital ones tell whose file it is."""
    row = (
        "a@x.example,Ann,Lee,2020-01-01 10:00:00,192.0.2.1,2020-01-02 10:00:00,2001:db8::1,"
        'europe/berlin,de,1,2,"""Big, fair"",""VIP"""'
    )
    found = people(f"{localised},{CAPITALS}", row)
    [person] = found
    assert found.format.name == "Mailchimp"
    assert found.not_kept == ["LEID", "EUID"]
    assert person == Person(
        line=2,
        address=parse("a@x.example"),
        defaults=DEFAULTS,
        name="Ann Lee",
        timezone="Europe/Berlin",
        country="DE",
        tags=frozenset({"big, fair", "vip"}),
        created_at=at("2020-01-01 10:00"),
        agreed_at=at("2020-01-02 10:00"),
        agreed_ip="2001:db8::1",
    )


def test_substack() -> None:
    """Substack: a disabled address has unsubscribed; two that cannot be mailed are refused by name."""
    records = list(found := real("mg-substack-members-csv/test/fixtures/fixtures_signup_emails.csv"))
    assert found.not_kept == ["active_subscription", "expiry", "prefer_digests"]
    assert [(each.line, each.quoted[:15]) for each in records if isinstance(each, Refusal)] == [
        (7, "'ömil@gmail.com"),
        (22, "'maïbes@gmail.c"),
    ]
    persons = {each.address.mailbox: each for each in records if isinstance(each, Person)}
    assert len(persons) == 19
    left = [mailbox for mailbox, person in persons.items() if person.status is Status.UNSUBSCRIBED]
    assert left == ["maguirec086@comm.ca", "nottimferris@gmail.com"]
    assert persons["jill@example.com"].agreed_at == at("2020-05-23T18:28:09.834")


def test_substack_keeps_the_forgotten_out() -> None:
    """Somebody who asked Substack to be forgotten is not taken."""
    refused = refusal(
        "email,active_subscription,expiry,email_disabled,prefer_digests,created_at",
        "x9@deletion-request.substack.com,,,false,false,2020-08-06T10:21:25.000Z",
    )
    assert "forgotten" in refused.reason


def test_beehiiv() -> None:
    """beehiiv: active, pending, inactive, and whoever has a day of leaving; the older day of joining."""
    persons = taken(real("mg-beehiiv-members/src/test/fixtures/members.csv"))
    assert {mailbox.partition("@")[0]: str(person.status) for mailbox, person in persons.items()} == {
        "lorem": "subscribed",
        "ipsum": "subscribed",
        "dolor": "unsubscribed",
        "simet": "unsubscribed",
        "amett": "pending",
        "elit": "subscribed",
        "nullfirst": "subscribed",
        "unsublit": "unsubscribed",
        "fromsubstack": "subscribed",
    }
    assert persons["ipsum@example.com"].name == "Ipsum Name"
    assert persons["nullfirst@example.com"].name == "Last Only"
    assert persons["fromsubstack@example.com"].created_at == at("2022-03-12 11:43:23")
    assert persons["unsublit@example.com"].left_at == at("2024-03-13 11:33:53")


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("mg-buttondown/src/test/fixtures/emails.csv", "'secondary_id', 'subject'"),
        ("mg-substack-members-csv/test/fixtures/invalid.csv", "'email_address'"),
    ],
)
def test_other_files_of_these_services(path: str, named: str) -> None:
    """A table that is no list of people is refused whole, and what is not known in it is named."""
    with pytest.raises(BadFile, match=named):
        real(path)


DASHBOARD = "Email,Name,Stripe plan,Cancel date,Start date,Emails received (6mo),Activity,Type,Country"
OLD_DASHBOARD = (
    "Email,Name,Subscription type,Activity,Subscription date,Subscriber country,Receiving emails for"
)
GHOST = (
    "id,email,name,note,subscribed_to_emails,complimentary_plan,stripe_customer_id,created_at,deleted_at,"
    "labels,tiers"
)
BUTTONDOWN = (
    "id,email,notes,subscriber_type,creation_date,ip_address,subscription_date,unsubscription_date,tags,"
    "metadata"
)
BUTTONDOWN_API = "id,email_address,type,creation_date,tags"
LISTMONK = "uuid,email,name,attributes,status,created_at,updated_at"
KEILA = "Email;First name;Last name;Data;Status;External ID"
CURATED = "Email Address,Subscribed at,UTM Source,UTM Medium"
PAID = "email,expiry,email_disabled,prefer_digests,stripe_connected_customer_id,type"
DAY = "2024-05-06"


@pytest.mark.parametrize(
    ("name", "header", "row", "status"),
    [
        ("Substack (dashboard)", DASHBOARD, f"a@x.example,Ann,,,{DAY},9,3,Free,FR", "subscribed"),
        ("Substack (dashboard)", DASHBOARD, f"a@x.example,Ann,,{DAY},{DAY},9,3,Free,FR", "unsubscribed"),
        (
            "Substack (old dashboard)",
            OLD_DASHBOARD,
            f"a@x.example,Ann,Free,3,{DAY},FR,The letter",
            "subscribed",
        ),
        ("Substack (old dashboard)", OLD_DASHBOARD, f"a@x.example,Ann,Free,3,{DAY},FR,", "unsubscribed"),
        ("Substack (paid)", PAID, "a@x.example,,true,false,cus_1,monthly", "unsubscribed"),
        ("Ghost", GHOST, f"1,a@x.example,Ann,,true,false,,{DAY},,One,", "subscribed"),
        ("Ghost", GHOST, f"1,a@x.example,Ann,,false,false,,{DAY},,One,", "unsubscribed"),
        ("Ghost", GHOST, f"1,a@x.example,Ann,,true,false,,{DAY},{DAY},One,", "unsubscribed"),
        ("Buttondown", BUTTONDOWN, f"1,a@x.example,,regular,{DAY},,,,,", "subscribed"),
        ("Buttondown", BUTTONDOWN, f"1,a@x.example,,regular,{DAY},,,{DAY},,", "unsubscribed"),
        ("Buttondown", BUTTONDOWN, f"1,a@x.example,,paused,{DAY},,,,,", "subscribed"),
        ("Buttondown", BUTTONDOWN, f"1,a@x.example,,unactivated,{DAY},,,,,", "pending"),
        ("Buttondown (API)", BUTTONDOWN_API, f"1,a@x.example,regular,{DAY},", "subscribed"),
        ("Buttondown (API)", BUTTONDOWN_API, f"1,a@x.example,disposable,{DAY},", "blocked"),
        ("Buttondown", BUTTONDOWN, f"1,a@x.example,,undeliverable,{DAY},,,,,", "bounced"),
        ("Buttondown", BUTTONDOWN, f"1,a@x.example,,complained,{DAY},,,{DAY},,", "complained"),
        ("Buttondown", BUTTONDOWN, f"1,a@x.example,,blocked,{DAY},,,,,", "blocked"),
        ("listmonk", LISTMONK, f"u,a@x.example,Ann,{{}},enabled,{DAY},{DAY}", "subscribed"),
        ("listmonk", LISTMONK, f"u,a@x.example,Ann,{{}},disabled,{DAY},{DAY}", "unsubscribed"),
        ("listmonk", LISTMONK, f"u,a@x.example,Ann,{{}},blocklisted,{DAY},{DAY}", "blocked"),
        ("listmonk", "email,name,attributes", 'a@x.example,Ann,"{""age"": 3}"', "subscribed"),
        ("Keila", KEILA, "a@x.example;Ann;Lee;{};active;7", "subscribed"),
        ("Keila", KEILA, "a@x.example;Ann;Lee;{};unsubscribed;7", "unsubscribed"),
        ("Keila", KEILA, "a@x.example;Ann;Lee;{};inactive;7", "unsubscribed"),
        ("Keila", KEILA.replace(";", ","), "a@x.example,Ann,Lee,{},unreachable,7", "bounced"),
        ("Curated", CURATED, f"a@x.example,{DAY},,", "subscribed"),
    ],
)
def test_every_other_export(name: str, header: str, row: str, status: str) -> None:
    """Each service's file is recognised by its columns, and a person's status read as it means it."""
    found = people(header, row)
    [person] = found
    assert isinstance(person, Person)
    assert (found.format.name, person.status, person.address.mailbox) == (name, status, "a@x.example")


def test_fields_of_buttondown() -> None:
    """The time and the machine of the consent, and tags apart by semicolons."""
    person = one(
        BUTTONDOWN, "1,a@x.example,,regular,2024-01-01,192.0.2.7,2024-01-02 08:00:00+01:00,,One;Two,{'a': 1}"
    )
    assert (person.created_at, person.agreed_at) == (at("2024-01-01"), at("2024-01-02 07:00"))
    assert (person.agreed_ip, sorted(person.tags)) == ("192.0.2.7", ["one", "two"])


@pytest.mark.parametrize(
    ("header", "row"),
    [
        (CURATED, "a@x.example,2021-02-04 07:55:20 +0000,,"),
        (LISTMONK, "u,a@x.example,,{},enabled,2021-02-04 07:55:20 +0000 UTC,"),
        (LISTMONK, "u,a@x.example,,{},enabled,2021-02-04 08:55:20.000 +0100 CET,"),
        (LISTMONK, "u,a@x.example,,{},enabled,2021-02-04 13:25:20 +0530 +0530,"),
    ],
    ids=["ruby", "go", "go in Paris", "go in Kolkata"],
)
def test_times_as_programs_print_them(header: str, row: str) -> None:
    """Ruby and Go put a blank before the offset, Go a name behind it: consent keeps its time all the same."""
    assert one(header, row).agreed_at == at("2021-02-04 07:55:20")


def test_cells_that_ghost_guards() -> None:
    """The quote that Ghost puts before what looks like a formula goes; one that belongs there stays."""
    guarded = one(GHOST, f"1,a@x.example,'=Ann,,true,false,,{DAY},,'-one,")
    assert (guarded.name, guarded.tags) == ("=Ann", frozenset({"-one"}))
    assert one(GHOST, f"1,b@x.example,'t Hooft,,true,false,,{DAY},,,").name == "'t Hooft"


@pytest.mark.parametrize("form", [*FORMATS, PLAIN], ids=lambda form: form.name)
def test_no_refusal_repeats_what_a_row_says(form: Format) -> None:
    """Whatever cell is at fault, in any format: what is stored of a refusal holds no word of the row."""
    columns = sorted(form.known | form.signs | {"email"})
    good = dict.fromkeys(columns, "") | {form.fields.get("email", (columns[0],))[0]: "a@x.example"}
    for column in columns:
        row = good | {column: '"Tweety"'}
        for record in people(",".join(columns), ",".join(row.values()), "Tweety," * 99):
            assert isinstance(record, Person) or "tweety" not in f"{record.reason} {record.remedy}".casefold()


def test_an_unknown_status_is_no_consent() -> None:
    """A word for a status that we do not know is refused; nobody is taken for subscribed by it."""
    refused = refusal(LISTMONK, f"u,a@x.example,Ann,{{}},sleeping,{DAY},{DAY}")
    assert (refused.reason, refused.quoted) == ("unknown status", "'sleeping'")
    assert "enabled" in refused.remedy
    assert "email_disabled" in refusal(PAID, "a@x.example,,perhaps,false,cus_1,monthly").reason


def test_unreadable_cells_of_an_export_are_counted() -> None:
    """A zone, time or country that cannot be read keeps nobody out, and the report counts it."""
    found = people(
        f"Email Address,{CAPITALS}", "a@x.example,yesterday,,,999.1.1.1,Mars/Base,Germany,1,2,", "b@x.example"
    )
    first, second = found
    assert isinstance(first, Person)
    assert isinstance(second, Person)
    assert (first.timezone, first.country, first.agreed_at, first.agreed_ip) == (None, None, None, None)
    assert found.not_read == {"timezone": 1, "cc": 1, "optin_time": 2, "confirm_ip": 1}


def test_no_two_formats_claim_one_file() -> None:
    """The signs of a format recognise it and no other that stands before it."""
    for number, form in enumerate(FORMATS):
        assert [each.name for each in FORMATS[:number] if each.signs <= form.known | form.signs] == []
