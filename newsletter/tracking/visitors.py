"""Who seems to have come: a reader, a service that loads pictures for readers, or a machine. Pure.

Most opens and many clicks are made by no person. Nothing here is certain, so what seems a person's is
shown beside the rest and never added to it; nothing else follows from an open.
"""

import re
from datetime import timedelta

from newsletter.models.tracking import Visitor

#: of a user agent; the rest is not looked at, and none of it is kept
LONGEST_AGENT = 256
#: whoever comes sooner after the mail was taken has not read it
TOO_SOON = timedelta(seconds=2)
#: so many different links of one mail within so short a time are followed by no person
SEVERAL = 3
AT_ONCE = timedelta(seconds=10)

_PROXY = re.compile("GoogleImageProxy|YahooMailProxy|YahooMailImageProxy", re.IGNORECASE)
#: of Apple's Mail Privacy Protection, which loads every picture whether the mail is read or not
_APPLE = "Mozilla/5.0"
# What says of itself that it is a program, and the scanners that mail servers have look at links.
_MACHINE = re.compile(
    r"(?<!cu)bot\b|crawl|spider|scan|preview|headless|phantom|fetch|externalhit|"
    r"curl|wget|python|\bjava/|go-http|okhttp|libwww|httpclient|axios|"
    r"barracuda|proofpoint|mimecast|fireeye|trend ?micro|symantec|messagelabs|forcepoint|cloudmark|zscaler|"
    r"sophos|ironport|fortinet|kaspersky|bitdefender|microsoft office existence discovery",
    re.IGNORECASE,
)


def visitor(agent: str, *, since_accepted: timedelta | None = None, links_at_once: int = 1) -> Visitor:
    """Who sent this user agent, so long after the mail was accepted and with so many links at once.

    Without `since_accepted` it is not known whose mail it is.
    """
    agent = agent[:LONGEST_AGENT].strip()
    if agent == _APPLE or _PROXY.search(agent):
        return Visitor.PROXY
    if not agent or _MACHINE.search(agent) or links_at_once >= SEVERAL:
        return Visitor.MACHINE
    if since_accepted is not None and since_accepted < TOO_SOON:
        return Visitor.MACHINE
    return Visitor.READER
