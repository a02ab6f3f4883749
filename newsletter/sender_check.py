"""What DNS tells mailboxes of our sender: SPF (RFC 7208), DKIM (RFC 6376) and DMARC (RFC 7489).

Gmail, Yahoo and Microsoft refuse bulk mail from a domain that lacks one of them. Each finding is a
line that says what is right, or what to mend. DNS that cannot be asked is no fault of the sender.
"""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import dns.exception
import dns.resolver

from newsletter.config import Settings
from newsletter.providers.dkim import DkimKey, read_keys

#: seconds for one question
_PATIENCE = 3.0
#: RFC 7208 §4.6.4: whoever needs more gets no answer at all
_MOST_LOOKUPS = 10
_GOOD_RSA = 2048
#: under which SendGrid signs for an authenticated domain, unless it was told otherwise
_SENDGRIDS = "s1,s2"


@dataclass(frozen=True, slots=True)
class Finding:
    line: str
    #: whether mailboxes will hold it against us
    to_mend: bool = False


class NoAnswer(Exception):
    """DNS could not be asked."""


def examine(settings: Settings) -> list[Finding]:
    """What stands in DNS for the domains of `MAIL_FROM` and `ALERT_FROM`; nothing for a provider that mails
    nobody.

    SPF is looked up for the domain of the return path (RFC 7208 §2.4): that of `BOUNCE_ADDRESS`, where
    it is set and the provider uses it.

    Raises Misconfigured for DKIM keys that cannot be used.
    """
    if settings.mail_provider == "folder":
        return []
    senders = (settings.mail_from.address, settings.alert_sender.address)
    domains = dict.fromkeys(address.rpartition("@")[2] for address in senders)
    checks = (check for domain in domains for check in _checks(settings, domain))
    # both may have one return path
    return list(dict.fromkeys(_finding(what, check) for what, check in checks))


def _checks(settings: Settings, domain: str) -> list[tuple[str, Callable[[], Finding]]]:
    """What is to be looked up for mail from that domain."""
    by_us = settings.mail_provider == "smtp"
    bounces_to = (settings.bounce_address if by_us else None) or domain
    returned_to = bounces_to.rpartition("@")[2]
    checks: list[tuple[str, Callable[[], Finding]]] = [("SPF", partial(_spf, returned_to, by_us=by_us))]
    if not _aligned(returned_to, domain):
        checks.append(("SPF", partial(_not_aligned, returned_to, domain)))
    if by_us:
        keys = read_keys(settings.dkim_selector, settings.dkim_key.get_secret_value())
        checks += [("DKIM", partial(_dkim, domain, key)) for key in keys] or [("DKIM", _no_dkim)]
    else:
        selectors = (settings.dkim_selector or _SENDGRIDS).split(",")
        checks += [("DKIM", partial(_sendgrids_dkim, domain, name.strip())) for name in selectors]
    checks.append(("DMARC", partial(_dmarc, domain)))
    return checks


def _mend(line: str) -> Finding:
    return Finding(line, to_mend=True)


def _finding(what: str, check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except NoAnswer as error:
        return Finding(f"{what}: could not be looked up: {error}")


def texts(name: str) -> list[str]:
    """The TXT records of `name`; none where there is no such name. Raises NoAnswer."""
    try:
        answer = dns.resolver.resolve(name, "TXT", lifetime=_PATIENCE, search=False)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except (dns.exception.DNSException, OSError) as error:
        raise NoAnswer(f"{name}: {error}") from error
    return [b"".join(record.strings).decode("utf-8", "replace") for record in answer]


def _spf(domain: str, *, by_us: bool) -> Finding:
    found = _spf_records(domain)
    if not found:
        if not by_us:
            return Finding(f"SPF: {domain} has no record, and needs none: SendGrid's return path has its own")
        return _mend(
            f'SPF: {domain} has no record: publish as TXT which servers mail for it, "v=spf1 include:… -all"'
        )
    if len(found) > 1:
        return _mend(f"SPF: {domain} has {len(found)} records, and mailboxes then count none: make them one")
    terms = found[0].lower().split()[1:]
    if not any(term.startswith("redirect=") or term in ("-all", "~all") for term in terms):
        return _mend(f"SPF: the record of {domain} lets forgers in: end it with -all or ~all")
    if _lookups(found[0], _MOST_LOOKUPS) > _MOST_LOOKUPS:
        return _mend(
            f"SPF: the record of {domain} needs more than {_MOST_LOOKUPS} lookups, and mailboxes then give "
            "up: take out an include, or name networks by ip4 and ip6"
        )
    return Finding(f"SPF: right, {found[0]}")


def _aligned(returned_to: str, domain: str) -> bool:
    """Whether SPF counts for DMARC, relaxed (RFC 7489 §3.1.2), as far as it can be told by the names."""
    return returned_to == domain or returned_to.endswith(f".{domain}") or domain.endswith(f".{returned_to}")


def _not_aligned(returned_to: str, domain: str) -> Finding:
    return Finding(
        f"warning: SPF: mail from {domain} is returned to {returned_to}, which counts for DMARC only where "
        f"both belong to one domain: take a BOUNCE_ADDRESS at {domain} or below it"
    )


def _spf_records(domain: str) -> list[str]:
    return [text for text in texts(domain) if text.lower().split(" ")[0] == "v=spf1"]


def _lookups(record: str, left: int) -> int:
    """How many questions to DNS the record costs who checks it; beyond `left` it is not counted on."""
    asked = 0
    for term in record.lower().split()[1:]:
        name, _, value = term.lstrip("+-~?").replace("=", ":", 1).partition(":")
        if name.partition("/")[0] in ("include", "redirect", "a", "mx", "ptr", "exists"):
            asked += 1
        if name in ("include", "redirect") and "%" not in value and asked <= left:
            asked += sum(_lookups(found, left - asked) for found in _spf_records(value)[:1])
        if asked > left:
            break
    return asked


def _tags(record: str) -> dict[str, str]:
    pairs = (tag.partition("=") for tag in record.split(";") if "=" in tag)
    return {name.strip().lower(): "".join(value.split()) for name, _, value in pairs}


def _dkim_record(domain: str, selector: str) -> tuple[str, dict[str, str]]:
    """Where the record stands, and its tags; none where there is no record of a key."""
    name = f"{selector}._domainkey.{domain}"
    records = [tags for tags in map(_tags, texts(name)) if "p" in tags]
    return name, records[0] if records else {}


def _no_dkim() -> Finding:
    return Finding(
        "warning: DKIM: we sign nothing; unless the mail server does, set DKIM_SELECTOR and DKIM_KEY"
    )


def _dkim(domain: str, key: DkimKey) -> Finding:
    name, tags = _dkim_record(domain, key.selector)
    ours = base64.b64encode(key.public()).decode()
    wanted = f'"v=DKIM1; k={key.kind}; p={ours}"'
    if not tags:
        return _mend(f"DKIM: {name} has no key: publish as TXT {wanted}")
    if tags["p"] != ours or tags.get("k", "rsa") != key.kind:
        return _mend(f"DKIM: {name} shows another key than DKIM_KEY: publish as TXT {wanted}")
    if "y" in tags.get("t", "").split(":"):
        return _mend(f"DKIM: {name} says that this is only a trial: take t=y away")
    if key.kind == "rsa" and key.bits < _GOOD_RSA:
        return Finding(
            f"warning: DKIM: the RSA key {key.selector} has {key.bits} bits: replace it by one of {_GOOD_RSA}"
        )
    return Finding(f"DKIM: right, we sign with {key.selector} ({key.kind})")


def _sendgrids_dkim(domain: str, selector: str) -> Finding:
    name, tags = _dkim_record(domain, selector)
    if not tags.get("p"):
        return _mend(
            f"DKIM: {name} has no key: authenticate {domain} in SendGrid (Settings, Sender Authentication), "
            "or name its selectors in DKIM_SELECTOR"
        )
    return Finding(f"DKIM: right, SendGrid signs with {selector}")


def _dmarc(domain: str) -> Finding:
    """The domain's own record, or that of the nearest domain above it that has one."""
    labels = domain.split(".")
    for start in range(max(1, len(labels) - 1)):
        name = f"_dmarc.{'.'.join(labels[start:])}"
        found = [tags for tags in map(_tags, texts(name)) if tags.get("v", "").upper() == "DMARC1"]
        if len(found) > 1:
            return _mend(f"DMARC: {name} has {len(found)} records, and mailboxes then count none")
        if found:
            return _dmarc_policy(name, found[0], below=start > 0)
    return _mend(
        f'DMARC: _dmarc.{domain} has no record: publish as TXT "v=DMARC1; p=none; rua=mailto:…" and read '
        "the reports"
    )


def _dmarc_policy(name: str, tags: dict[str, str], *, below: bool) -> Finding:
    policy = (tags.get("sp", "") if below else "") or tags.get("p", "")
    if policy.lower() not in ("none", "quarantine", "reject"):
        return _mend(f"DMARC: {name} has no policy: give it p=none, p=quarantine or p=reject")
    return Finding(f"DMARC: right, {name} says {policy.lower()}")
