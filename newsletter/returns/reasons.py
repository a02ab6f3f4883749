"""What a mailbox means by its refusal: its status code, and the words beside it. Pure.

The status decides (`feedback.statuses`), and the words where it is a general one (X.0.0, a server's or
a network's) or missing. Words also soften a status: `5.1.1` with "over quota" is soft, with "listed by
Spamhaus" a block; they never harden one. Where neither tells anything it is soft: that counts over
several issues before anything follows.
"""

import re

from newsletter.feedback.statuses import bounce_kind
from newsletter.models.event import EventKind

HARD, SOFT, BLOCKED = EventKind.HARD_BOUNCE, EventKind.SOFT_BOUNCE, EventKind.BLOCKED
#: the mildest first: where a mail went on to several mailboxes, one of them says nothing of the others
MILDNESS = (EventKind.DELIVERED, EventKind.DEFERRED, BLOCKED, SOFT, HARD)

_STATUS = re.compile(r"(?<![\w.])([245]\.\d{1,3}\.\d{1,3})(?!\.?\w)", re.ASCII)
_REPLY = re.compile(r"(?<![\w.:/-])([45])\d\d(?=[ -]|$)", re.ASCII)
#: status codes that say no more than "failed": the words know better
_GENERAL = re.compile(r"[45]\.(?:[03459]\.\d+|2\.0)")
#: RFC 5248's registry: user account disabled
_DISABLED = "5.7.13"

_WHO = r"(?:user|account|mailbox|inbox|recipient|address|addressee|e-?mail|person|customer|local.?part)"
_KNOWN = r"(?:found|known|listed|recogni[sz]ed|valid|a valid)"
_NOT = r"(?:not|n.t|no longer)"
#: the first that is found tells: what is meant comes before what is said of it
_WORDS = [
    (kind, re.compile(pattern, re.IGNORECASE))
    for kind, *patterns in (
        # a sender that is refused, whatever else it is said to be
        (
            BLOCKED,
            r"\b(?:sender|mail ?from)\b[^.]{0,60}\b(?:reject|denied|unknown|invalid|exist|verif|block|list)",
            r"(?:domain|host) of sender|after (?:pipelined )?mail from:",
            # a group that lets only its members write, in whatever language
            r"groups\.google\.com/|not (?:a )?member",
        ),
        # too much for a mailbox, or for an hour
        (
            SOFT,
            r"too many|\brate\b|frequency|throttl|gr[ae]y-?list",
            r"quota|\bfull\b|exceed[^.]{0,40}(?:limit|size)|(?:size|storage) limit|too (?:large|big)",
            r"insufficient|out of (?:storage|space|memory)|(?:no|disk) space|一杯|満杯|переполнен",
        ),
        # nobody there
        (
            HARD,
            rf"(?:unknown|no such|invalid|non-?existent|bad) (?:\w+ )?{_WHO}|not our customer",
            rf"{_WHO}\)?:? (?:is |was |has )?(?:unknown|invalid|{_NOT} {_KNOWN})",
            rf"{_WHO}\b[^.;:]{{0,80}}{_NOT} (?:be )?(?:exist|found)",
            rf"{_WHO}\b[^.;:]{{0,50}}(?:no longer|moved|{_NOT} {_KNOWN})",
            r"doesn't have an? \S{1,80} account|address rejected[:.]? access denied|no mailbox here",
            r"not listed in|no valid recipients|存在しない|見つかりません",
            r"null ?mx|(?:no|n.t|not) (?:receive|accept) (?:any )?e?-?mail|indicated no SMTP service",
        ),
        # what we are, or what we wrote
        (
            BLOCKED,
            r"\bspam|junk|unsolicited|\bu[bc]e\b|\bbulk\b|virus|malware|phish|filtered|content reject",
            r"(?:black|block|deny) ?list|dnsbl|\brbl\b|spamhaus|spamcop|sorbs|reputation|banned|listed",
            r"polic(?:y|ies)|prohibit|\babuse|(?:security|administrative) (?:reason|violation|risk)",
            r"\bdkim\b|\bspf\b|\bdmarc|authenticat|authori[sz]|relay|\brdns\b|\bptr\b|reverse|mismatch",
            r"client host|\bhelo\b|\behlo\b|\bip address|invalid ip|not (?:allowed|permitted|accepted)",
            r"permission|access denied|service refus|compliant|rfc ?5322|rfc ?2822|\bheader|8.bit",
        ),
        # a mailbox that is there, and closed
        (
            HARD,
            rf"{_WHO}\b[^.;:]{{0,60}}\b(?:disabled|inactive|suspend|frozen|blocked|locked|deactivat|closed)",
            rf"(?:disabled|inactive|suspended|deactivated|closed|expired|blocked) {_WHO}",
        ),
        # no such domain
        (
            HARD,
            rf"(?:host|domain|site)\b[^;\n]{{0,60}}(?:\bunknown|{_NOT} found|{_NOT} exist)",
            r"(?:unknown|no such|illegal|invalid) (?:host|domain)|nxdomain|no mx record|unrouteable",
        ),
        # whoever has trouble may have none tomorrow
        (
            SOFT,
            r"tim(?:ed?|ing)[ -]?out|temporar|again|later|deferred|connect|unreachable|not reachable|\bloop",
            r"hops?\b|expired|giving up|unavailable|system|lookup|resources|failure|transaction",
        ),
    )
    for pattern in patterns
]
#: said of anything: tells only where nothing else does
_REFUSED = re.compile(r"block|denied|reject|refused", re.IGNORECASE)


def reason_of(status: str, words: str) -> EventKind:
    """The kind of bounce: hard, soft or blocked.

    `status` is the enhanced status code of a report (RFC 3463) or empty, `words` what the server said;
    an exact status in the words counts for more than a general one beside them.
    """
    codes = codes_in(f"{status} {words}")
    heard = next((kind for kind, pattern in _WORDS if pattern.search(words)), None)
    if exact := next(filter(is_exact, codes), None):
        return _by_status(exact, heard)
    if heard is HARD and _is_transient(codes, words):
        return SOFT
    return heard or (BLOCKED if _REFUSED.search(words) else SOFT)


def codes_in(words: str) -> list[str]:
    """The enhanced status codes of failures, in the order in which they stand there."""
    return [code for code in _STATUS.findall(words) if not code.startswith("2")]


def is_exact(code: str) -> bool:
    """Whether a status code says more than that it failed."""
    return not _GENERAL.fullmatch(code)


def _is_transient(codes: list[str], words: str) -> bool:
    if codes:
        return codes[0].startswith("4")
    found = _REPLY.search(words)
    return bool(found and found[1] == "4")


def _by_status(code: str, heard: EventKind | None) -> EventKind:
    if code == _DISABLED:
        return HARD
    kind = bounce_kind(code) or SOFT
    if code.startswith("4"):
        return BLOCKED if heard is BLOCKED else kind
    return heard if kind is HARD and heard else kind
