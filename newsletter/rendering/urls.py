"""The links of a story: which are fit for a mail, and which lead to the same page. Pure."""

import re
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

#: longer ones are cut off by some clients, so they are left out
LONGEST = 2_000

# RFC 3986: what may stand in a URL as it is; "%" stays, for what is encoded already.
_SAFE = "%/:?#[]@!$&()*+,;=~-._"
#: many publish here: one host is not one outlet
SHARED = {
    *("arxiv.org", "facebook.com", "github.com", "linkedin.com", "medium.com", "mp.weixin.qq.com"),
    *("news.google.com", "news.ycombinator.com", "reddit.com", "substack.com", "t.me", "twitter.com"),
    *("x.com", "youtube.com"),
}
_HOST = re.compile(r"[^\s/?#@\\<>\"'\x00-\x20]+")


def fit(url: str | None) -> str | None:
    """`url` as it may stand in a mail, or None.

    Only http and https, with a host and without a user name; everything that html or our own
    slots could take for something else is percent-encoded.
    """
    if not url or len(url) > LONGEST:
        return None
    try:
        parts = urlsplit(url.strip())
        host = parts.hostname
        parts.port  # noqa: B018  raises for what is no port
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or not host or not _HOST.fullmatch(parts.netloc):
        return None
    encoded = quote(urlunsplit(parts), safe=_SAFE, errors="replace")
    return encoded.replace("@@", "%40%40")


def page(url: str) -> tuple[str, str, str]:
    """Equal for links to one page: scheme, `www.`, fragment, and `utm_*` make no difference."""
    parts = urlsplit(url)
    query = [pair for pair in parse_qsl(parts.query, True) if not pair[0].lower().startswith("utm_")]
    return host(url), parts.path.rstrip("/"), urlencode(sorted(query))


def host(url: str) -> str:
    """The host of a fit link, without `www.`."""
    return (urlsplit(url).hostname or "").removeprefix("www.")


def same_outlet(url: str, other: str) -> bool:
    """Whether both fit links lead to one site which is an outlet of its own."""
    return host(url) == host(other) and host(url) not in SHARED


def belongs_to(url: str, outlet: str) -> bool:
    """Whether the host of `url` is that of `outlet`, as far as the names tell.

    "The Star (Malaysia)" is at thestar.com.my, "LeMagIT" at lemagit.fr, "deepmind.google" at itself.
    """
    name = outlet.casefold().strip()
    site = host(url)
    if name.removeprefix("www.") == site:
        return True
    plain = re.sub(r"\(.*?\)", "", name)
    names = {re.sub(r"\W", "", form) for form in (name, plain, plain.removeprefix("the "))} - {""}
    return not names.isdisjoint(label.replace("-", "") for label in site.split(".")[:-1])
