"""`newsletter check`, and what it says of the sender's domain: with a DNS server of the tests' own."""

import base64
from collections.abc import Iterator

import dns.resolver
import pytest

from newsletter import sender_check
from newsletter.config import Settings, read_settings
from newsletter.mail import Misconfigured
from newsletter.providers.dkim import read_keys
from newsletter.sender_check import Finding, examine
from tests.command_line import Cli
from tests.conftest import SETTINGS
from tests.dkim_keys import ed25519_pem, rsa_pem
from tests.dns_server import DnsServer, dns_server
from tests.doors.conftest import on_one_database
from tests.smtp_server import smtp_server

DOMAIN = "racetoagi.example"
KEYS = {"DKIM_SELECTOR": "r1, e1", "DKIM_KEY": rsa_pem() + ed25519_pem()}


def record(selector: str, pem: str) -> str:
    (key,) = read_keys(selector, pem)
    return f"v=DKIM1; k={key.kind}; p={base64.b64encode(key.public()).decode()}"


def good() -> dict[str, list[str]]:
    return {
        DOMAIN: ["google-site-verification=x", "v=spf1 include:relay.example ip4:192.0.2.0/24 -all"],
        "relay.example": ["v=spf1 a mx ip4:198.51.100.1 -all"],
        f"r1._domainkey.{DOMAIN}": [record("r1", rsa_pem())],
        f"e1._domainkey.{DOMAIN}": [record("e1", ed25519_pem())],
        f"_dmarc.{DOMAIN}": ["v=DMARC1; p=reject; rua=mailto:reports@racetoagi.example"],
    }


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[DnsServer]:
    with dns_server() as (server, resolver):
        monkeypatch.setattr(dns.resolver, "default_resolver", resolver)
        server.texts = good()
        yield server


def by_smtp(**changes: str) -> Settings:
    smtp = {"MAIL_PROVIDER": "smtp", "SMTP_URL": "smtp://127.0.0.1:25"}
    return read_settings({**SETTINGS, **smtp, **KEYS, **changes})


def by_sendgrid(**changes: str) -> Settings:
    return read_settings({**SETTINGS, "MAIL_PROVIDER": "sendgrid", "SENDGRID_API_KEY": "SG.x", **changes})


def test_all_is_well(zone: DnsServer) -> None:
    """For a domain in good order each of SPF, DKIM and DMARC is one line, and nothing is to mend."""
    assert examine(by_smtp()) == [
        Finding("SPF: right, v=spf1 include:relay.example ip4:192.0.2.0/24 -all"),
        Finding("DKIM: right, we sign with r1 (rsa)"),
        Finding("DKIM: right, we sign with e1 (ed25519)"),
        Finding(f"DMARC: right, _dmarc.{DOMAIN} says reject"),
    ]


def test_the_sender_of_alerts_is_looked_at_too(zone: DnsServer) -> None:
    """A domain of its own is examined beside the other; one that both share is examined once."""
    shared = examine(by_smtp(ALERT_FROM=f"now@{DOMAIN}"))
    assert shared == examine(by_smtp())
    found = examine(by_smtp(ALERT_FROM="Alerts <now@alerts.example>"))
    assert found[: len(shared)] == shared
    faults = [finding.line for finding in found if finding.to_mend]
    assert [line.split(": ")[0] for line in faults] == ["SPF", "DKIM", "DKIM", "DMARC"]
    assert all("alerts.example" in line for line in faults)


def test_nobody_is_asked_about_a_folder(zone: DnsServer) -> None:
    """Mails that go into a folder need no domain."""
    assert examine(read_settings({})) == []
    assert zone.asked == []


@pytest.mark.parametrize(
    ("name", "records", "remedy"),
    [
        (DOMAIN, [], "SPF: racetoagi.example has no record"),
        (DOMAIN, ["v=spf1 -all", "v=spf1 a -all"], "SPF: racetoagi.example has 2 records"),
        (DOMAIN, ["v=spf1 a ?all"], "end it with -all or ~all"),
        (DOMAIN, ["v=spf1 a +all"], "end it with -all or ~all"),
        (DOMAIN, [f"v=spf1 {'include:relay.example ' * 4} -all"], "more than 10 lookups"),
        (DOMAIN, [f"v=spf1 include:{DOMAIN} -all"], "more than 10 lookups"),
        (f"r1._domainkey.{DOMAIN}", [], "r1._domainkey.racetoagi.example has no key: publish as TXT"),
        (f"r1._domainkey.{DOMAIN}", ["v=DKIM1; k=rsa; p="], "another key than DKIM_KEY"),
        (f"r1._domainkey.{DOMAIN}", [record("r1", ed25519_pem())], "another key than DKIM_KEY"),
        (f"r1._domainkey.{DOMAIN}", [f"t=y; {record('r1', rsa_pem())}"], "take t=y away"),
        (f"_dmarc.{DOMAIN}", [], 'publish as TXT "v=DMARC1; p=none; rua=mailto:…"'),
        (f"_dmarc.{DOMAIN}", ["v=DMARC1; p=none", "v=DMARC1; p=reject"], "has 2 records"),
        (f"_dmarc.{DOMAIN}", ["v=DMARC1; rua=mailto:x@racetoagi.example"], "has no policy"),
    ],
)
def test_what_is_to_mend(zone: DnsServer, name: str, records: list[str], remedy: str) -> None:
    """Each thing that mailboxes hold against a sender is named with its remedy, in a line of its own."""
    zone.texts[name] = records
    (fault,) = [finding for finding in examine(by_smtp()) if finding.to_mend]
    assert remedy in fault.line
    assert "\n" not in fault.line


def test_record_to_publish_is_the_whole_record(zone: DnsServer) -> None:
    """What a missing key's line says to publish is what makes the line go away."""
    del zone.texts[f"e1._domainkey.{DOMAIN}"]
    (fault,) = [finding for finding in examine(by_smtp()) if finding.to_mend]
    zone.texts[f"e1._domainkey.{DOMAIN}"] = [fault.line.partition('"')[2].removesuffix('"')]
    assert not any(finding.to_mend for finding in examine(by_smtp()))


def test_what_could_be_better(zone: DnsServer) -> None:
    """A short key, and no key at all where the server may sign, are warnings and no faults."""
    zone.texts[f"r1._domainkey.{DOMAIN}"] = [record("r1", rsa_pem(1024))]
    lines = [f.line for f in examine(by_smtp(DKIM_SELECTOR="r1", DKIM_KEY=rsa_pem(1024))) if not f.to_mend]
    assert "warning: DKIM: the RSA key r1 has 1024 bits: replace it by one of 2048" in lines
    unsigned = examine(by_smtp(DKIM_SELECTOR="", DKIM_KEY=""))
    assert any(finding.line.startswith("warning: DKIM: we sign nothing") for finding in unsigned)
    assert not any(finding.to_mend for finding in unsigned)


def test_policy_of_the_domain_above(zone: DnsServer) -> None:
    """Where a subdomain has no DMARC record, that of the domain above holds, with its policy for
    those below."""
    zone.texts = {f"_dmarc.{DOMAIN}": ["v=DMARC1; p=reject; sp=quarantine"]}
    found = examine(by_smtp(MAIL_FROM="news@mail.eu.racetoagi.example"))
    assert found[-1] == Finding(f"DMARC: right, _dmarc.{DOMAIN} says quarantine")


BOUNCES = f"bounces.{DOMAIN}"


def test_spf_is_that_of_the_return_path(zone: DnsServer) -> None:
    """Servers look up the domain that mail is returned to: what it lacks is to mend, whatever stands at
    the sender's own."""
    by_another_path = by_smtp(BOUNCE_ADDRESS=f"back@{BOUNCES}")
    (fault,) = [finding for finding in examine(by_another_path) if finding.to_mend]
    assert fault.line.startswith(f"SPF: {BOUNCES} has no record: publish as TXT")
    zone.texts[BOUNCES] = ["v=spf1 ip4:192.0.2.7 -all"]
    zone.texts[DOMAIN] = []
    assert examine(by_another_path)[0] == Finding("SPF: right, v=spf1 ip4:192.0.2.7 -all")
    assert not any(finding.line.startswith("warning") for finding in examine(by_another_path))


def test_return_path_that_does_not_count_for_dmarc(zone: DnsServer) -> None:
    """A return path at a domain that is not the sender's is a warning, with what to take instead."""
    zone.texts["mailer.example"] = ["v=spf1 -all"]
    found = examine(by_smtp(BOUNCE_ADDRESS="back@mailer.example"))
    (warning,) = [finding for finding in found if finding.line.startswith("warning: SPF")]
    assert f"take a BOUNCE_ADDRESS at {DOMAIN} or below it" in warning.line
    assert not any(finding.to_mend for finding in found)
    above = by_smtp(MAIL_FROM=f"news@mail.{DOMAIN}", BOUNCE_ADDRESS=f"back@{DOMAIN}")
    assert not any(finding.line.startswith("warning: SPF") for finding in examine(above))


def test_sendgrid_has_a_return_path_of_its_own(zone: DnsServer) -> None:
    """By SendGrid nothing is asked about a bounce address, which no mail of it carries."""
    examine(by_sendgrid(BOUNCE_ADDRESS=f"back@{BOUNCES}"))
    assert BOUNCES not in zone.asked


def test_sendgrid_signs_for_us(zone: DnsServer) -> None:
    """By SendGrid its selectors are looked at, and SPF is that of its own return path."""
    zone.texts = {f"_dmarc.{DOMAIN}": ["v=DMARC1; p=none"], f"s1._domainkey.{DOMAIN}": ["k=rsa; p=AAAA"]}
    found = examine(by_sendgrid())
    (fault,) = [finding for finding in found if finding.to_mend]
    assert f"s2._domainkey.{DOMAIN} has no key: authenticate {DOMAIN} in SendGrid" in fault.line
    assert Finding("DKIM: right, SendGrid signs with s1") in found
    assert not any(finding.to_mend for finding in examine(by_sendgrid(DKIM_SELECTOR="s1")))


def test_no_answer_is_no_fault(zone: DnsServer) -> None:
    """What could not be looked up is said so, for each, and is not called wrong."""
    zone.broken = {DOMAIN, f"r1._domainkey.{DOMAIN}", "relay.example"}
    found = examine(by_smtp())
    assert [finding.line.partition(": could not be looked up")[0] for finding in found[:2]] == ["SPF", "DKIM"]
    assert not any(finding.to_mend for finding in found)


def test_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any DNS the check still ends, soon."""
    nowhere = dns.resolver.Resolver(configure=False)
    nowhere.nameservers, nowhere.port = ["127.0.0.1"], 9
    monkeypatch.setattr(dns.resolver, "default_resolver", nowhere)
    monkeypatch.setattr(sender_check, "_PATIENCE", 0.2)
    assert all("could not be looked up" in finding.line for finding in examine(by_smtp()))


def test_keys_that_cannot_be_used(zone: DnsServer) -> None:
    """A key without a selector is a fault of the settings, as it is when mail is to leave."""
    with pytest.raises(Misconfigured, match="DKIM_SELECTOR"):
        examine(by_smtp(DKIM_SELECTOR=""))


@on_one_database
def test_check_says_it(cli: Cli, zone: DnsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """`check` prints what is right, and fails with what is to mend."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MAIL_PROVIDER", "smtp")
    with smtp_server() as server:
        monkeypatch.setenv("SMTP_URL", f"smtp://127.0.0.1:{server.port}")
        well = cli("check")
        assert well.code == 0, well.err
        assert f"DMARC: right, _dmarc.{DOMAIN} says reject" in well.out
        del zone.texts[f"_dmarc.{DOMAIN}"]
        ill = cli("check")
    assert ill.code == 1
    assert f"DMARC: _dmarc.{DOMAIN} has no record" in ill.err
