"""The subscribe form, and its JSON: what was typed, and the wish that it expresses.

Pure: values in, values out.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Self

from starlette.datastructures import FormData

from newsletter.site import Site
from subscribers.address import Address, InvalidAddress, parse
from subscribers.lens import Lens
from subscribers.rhythm import InvalidRhythm, Rhythm, parse_hour, parse_zone, zone_names

_REGIONS = (
    "Africa",
    "America",
    "Antarctica",
    "Arctic",
    "Asia",
    "Atlantic",
    "Australia",
    "Europe",
    "Indian",
    "Pacific",
)


class FormFaults(ValueError):
    """Some fields cannot be used as they are."""

    def __init__(self, by_field: Mapping[str, str]) -> None:
        self.by_field = by_field
        super().__init__(f"{self.__doc__} {dict(by_field)}")


@dataclass(frozen=True, slots=True)
class SubscribeForm:
    """The fields as they were typed, to be shown again if need be."""

    email: str = ""
    newsletters: tuple[str, ...] = ()
    audiences: tuple[str, ...] = ()
    timezone: str = ""
    hour: str = ""
    #: out of sight for people: whoever fills it in is a robot
    website: str = ""

    @classmethod
    def empty(cls, site: Site) -> Self:
        """The form as it is first shown."""
        first = site.newsletters[0]
        return cls(timezone=first.timezone, hour=str(first.default_hour))

    @classmethod
    def sent(cls, fields: FormData, site: Site) -> Self:
        """What a form sent, ours or one on another site, which need not ask for zone and hour."""
        usual = cls.empty(site)
        return cls(
            email=one(fields, "email"),
            newsletters=several(fields, "newsletters"),
            audiences=several(fields, "audiences"),
            timezone=one(fields, "timezone", usual.timezone),
            hour=one(fields, "hour", usual.hour),
            website=one(fields, "website"),
        )

    @classmethod
    def told(cls, document: object, site: Site) -> Self:
        """What a JSON object says; FormFaults names each key that is unknown or of another type."""
        if not isinstance(document, dict):
            raise FormFaults({"body": "Please send one JSON object."})
        usual = cls.empty(site)
        values = {"timezone": usual.timezone, "hour": usual.hour} | document
        faults = {key: _fault(key, value) for key, value in values.items()}
        if found := {_readable(key): fault for key, fault in faults.items() if fault}:
            raise FormFaults(found)
        return cls(
            email=values.get("email", ""),
            newsletters=tuple(dict.fromkeys(values.get("newsletters", ()))),
            audiences=tuple(dict.fromkeys(values.get("audiences", ()))),
            timezone=values["timezone"],
            hour=str(values["hour"]),
        )


def one(fields: FormData, name: str, default: str = "") -> str:
    """The value of a field; `default` where the form has no such field."""
    return str(fields.get(name, default))


def several(fields: FormData, name: str) -> tuple[str, ...]:
    """The distinct values of a field that may come more than once, in their order."""
    return tuple(dict.fromkeys(map(str, fields.getlist(name))))


def _readable(key: str) -> str:
    """JSON may spell half of a letter, which no answer can repeat."""
    return key.encode(errors="replace").decode()


def _fault(key: str, value: object) -> str | None:
    match key, value:
        case (("email" | "timezone" | "hour"), str()):
            return None
        case "hour", int() if not isinstance(value, bool):
            return None
        case (("newsletters" | "audiences"), list()) if all(isinstance(word, str) for word in value):
            return None
        case "email" | "timezone", _:
            return "Please send a string."
        case "hour", _:
            return "Please send a whole number from 0 to 23."
        case "newsletters" | "audiences", _:
            return "Please send an array of strings."
        case _:
            return "This key is unknown; there are email, newsletters, audiences, timezone and hour."


@dataclass(frozen=True, slots=True)
class Wish:
    """To be asked for a confirmation: a form in which every field holds."""

    address: Address
    newsletters: tuple[str, ...]
    #: None: as it is known
    lens: Lens | None = None
    rhythm: Rhythm | None = None


def read_wish(form: SubscribeForm, site: Site) -> Wish:
    """What the person wishes for; FormFaults has a remedy for every field that does not hold."""
    faults: dict[str, str] = {}
    address: Address | None = None
    try:
        address = parse(form.email)
    except InvalidAddress as error:
        faults["email"] = f"Please check the address: {error.reason}."
    if not form.newsletters or not set(form.newsletters) <= {known.slug for known in site.offers}:
        faults["newsletters"] = "Please choose at least one newsletter."
    faults |= audience_faults(form.audiences, site)
    timezone, hour = read_hours(form.timezone, form.hour, faults)
    if faults or address is None:
        raise FormFaults(faults)
    return Wish(address, form.newsletters, Lens.of(audiences=form.audiences), Rhythm(timezone, hour))


def audience_faults(audiences: Iterable[str], site: Site) -> dict[str, str]:
    """The fault of audiences that are none of the site's, at its field."""
    if set(audiences) <= set(site.audiences):
        return {}
    return {"audiences": f"Please choose from {', '.join(site.audiences)}."}


def read_hours(zone: str, at: str, faults: dict[str, str]) -> tuple[str, int]:
    """The zone and the hour that were chosen; what does not hold is added to `faults`."""
    timezone, hour = "UTC", 0
    try:
        timezone = parse_zone(zone)
    except InvalidRhythm:
        faults["timezone"] = "Please choose your time zone from the menu."
    try:
        hour = parse_hour(at)
    except InvalidRhythm:
        faults["hour"] = "Please choose a full hour from the menu."
    return timezone, hour


@cache
def zones_by_region() -> Mapping[str, tuple[tuple[str, str], ...]]:
    """Region → (zone, its name within the region), both in alphabetical order, for the menu."""
    found: dict[str, list[tuple[str, str]]] = {region: [] for region in _REGIONS}
    for zone in sorted(zone_names()):
        region, slash, place = zone.partition("/")
        if slash and region in found:
            found[region].append((zone, place.replace("_", " ").replace("/", ", ")))
    return {region: tuple(zones) for region, zones in found.items()}
