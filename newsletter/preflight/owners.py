"""Which outlets belong to one owner, so that they are not counted as independent reports. Pure.

Two names at one domain are one outlet; beyond that a small table knows the groups whose outlets often
report on AI. It repeats what Kagi's public list of outlets says (github.com/kagisearch/kite-public,
media_data.json, as of 12 May 2026), without what was sold since. Who is in no table stands alone.
"""

from newsletter.rendering.urls import SHARED, host

_GROUPS = {
    "CMA Media": "bfmtv.com latribune.com",
    "Condé Nast": "arstechnica.com newyorker.com wired.com",
    "DPG Media": "hln.be tweakers.net volkskrant.nl",
    "Future": "gamesradar.com livescience.com techradar.com tomshardware.com",
    "GEDI": "lastampa.it repubblica.it",
    "Mediahuis": "nrc.nl standaard.be",
    "News Corp": "investors.com marketwatch.com nypost.com wsj.com",
    "Sanoma": "hs.fi is.fi",
    "Science X": "phys.org techxplore.com",
    "9to5": "9to5google.com 9to5mac.com",
    "TX Group": "derbund.ch tagesanzeiger.ch",
    "Ziff Davis": "cnet.com eurogamer.net gamesindustry.biz ign.com mashable.com pcmag.com",
}
_OWNERS = {domain: owner for owner, domains in _GROUPS.items() for domain in domains.split()}
#: under which countries register names of their own, as in `thestar.com.my`
_SECOND_LEVEL = {"ac", "co", "com", "edu", "gov", "go", "net", "ne", "or", "org"}
#: where everybody has a page or a name of their own
_HOSTING = {"blogspot.com", "github.io", "medium.com", "substack.com", "wordpress.com"}


def owner_of(url: str) -> str | None:
    """The owner of the outlet at a fit link: of its table, else its domain; None where many publish."""
    name = host(url)
    domain = domain_of(name)
    if name in SHARED or domain in SHARED or domain in _HOSTING:
        return None
    return _OWNERS.get(domain, domain)


def domain_of(name: str) -> str:
    """The part of a host's name that somebody registered: `thestar.com.my` of `www.thestar.com.my`."""
    labels = name.split(".")
    if len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVEL:
        return ".".join(labels[-3:])
    return ".".join(labels[-2:])
