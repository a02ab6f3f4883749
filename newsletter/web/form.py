"""The subscribe form: what a person typed, and the wish that it expresses.

Pure: values in, values out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Self
from zoneinfo import available_timezones

from starlette.datastructures import FormData

from newsletter.site import Site
from subscribers.address import Address, InvalidAddress, parse
from subscribers.lens import Lens
from subscribers.rhythm import InvalidRhythm, Rhythm, parse_hour, parse_zone

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
    def sent(cls, fields: FormData) -> Self:
        def one(name: str) -> str:
            return str(fields.get(name, ""))

        def several(name: str) -> tuple[str, ...]:
            return tuple(dict.fromkeys(map(str, fields.getlist(name))))

        return cls(
            email=one("email"),
            newsletters=several("newsletters"),
            audiences=several("audiences"),
            timezone=one("timezone"),
            hour=one("hour"),
            website=one("website"),
        )


@dataclass(frozen=True, slots=True)
class Wish:
    """A form in which every field holds."""

    address: Address
    newsletters: tuple[str, ...]
    lens: Lens
    rhythm: Rhythm


def read_wish(form: SubscribeForm, site: Site) -> Wish:
    """What the person wishes for; FormFaults has a remedy for every field that does not hold."""
    faults: dict[str, str] = {}
    address: Address | None = None
    try:
        address = parse(form.email)
    except InvalidAddress as error:
        faults["email"] = f"Please check the address: {error.reason}."
    if not form.newsletters or not set(form.newsletters) <= {known.slug for known in site.newsletters}:
        faults["newsletters"] = "Please choose at least one newsletter."
    if not set(form.audiences) <= set(site.audiences):
        faults["audiences"] = f"Please choose from {', '.join(site.audiences)}."
    timezone, hour = "UTC", 0
    try:
        timezone = parse_zone(form.timezone)
    except InvalidRhythm:
        faults["timezone"] = "Please choose your time zone from the menu."
    try:
        hour = parse_hour(form.hour)
    except InvalidRhythm:
        faults["hour"] = "Please choose a full hour from the menu."
    if faults or address is None:
        raise FormFaults(faults)
    return Wish(address, form.newsletters, Lens.of(audiences=form.audiences), Rhythm(timezone, hour))


@cache
def zones_by_region() -> Mapping[str, tuple[tuple[str, str], ...]]:
    """Region → (zone, its name within the region), both in alphabetical order, for the menu."""
    found: dict[str, list[tuple[str, str]]] = {region: [] for region in _REGIONS}
    for zone in sorted(available_timezones()):
        region, slash, place = zone.partition("/")
        if slash and region in found:
            found[region].append((zone, place.replace("_", " ").replace("/", ", ")))
    return {region: tuple(zones) for region, zones in found.items()}
