"""The publication as configured: the site, its audiences, its newsletters. Read from `publication.toml`."""

import re
import tomllib
from datetime import time
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from newsletter.faults import remedy
from subscribers.rhythm import DAYS, Rhythm, parse_zone


def _slug(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", text, re.ASCII):
        raise ValueError("write small letters, digits and single hyphens, as in ai-daily")
    return text


def _wall_clock(value: object) -> object:
    """TOML knows times of day; a number would be read as seconds since midnight in UTC."""
    if isinstance(value, int | float):
        raise ValueError('write a time of day, as "04:30:00"')
    return value


def _without_offset(value: time) -> time:
    if value.tzinfo is not None:
        raise ValueError("write it without an offset: it is a time of the newsletter's own zone")
    return value


WallTime = Annotated[time, BeforeValidator(_wall_clock), AfterValidator(_without_offset)]


class BadPublication(ValueError):
    """The publication file cannot be used; the message lists every fault in it."""


class NewsletterSpec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    slug: Annotated[str, Field(max_length=40), AfterValidator(_slug)]
    name: str
    description: str
    cadence: Literal["daily", "weekly"]
    weekday: Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"] | None = None
    timezone: Annotated[str, AfterValidator(parse_zone)]
    cutoff: WallTime
    publish: WallTime
    lead_hours: int = Field(default=12, ge=0, le=168)
    catch_up_hours: int = Field(default=12, ge=1, le=168)
    policy: Literal["send", "hold"] = "send"
    min_stories: int = Field(default=1, ge=1)
    max_stories: int = Field(default=8, ge=1, le=50)
    default_hour: int = Field(default=7, ge=0, le=23)
    unknown: Literal["keep", "repeat"] = "keep"
    unknown_wait_hours: int = Field(default=24, ge=1, le=168)
    tracking: Literal["off", "links", "readers"] = "off"
    undo_minutes: int = Field(default=5, ge=0, le=60)
    two_persons: bool = False
    quiet_days: int = Field(default=3, ge=1, le=60)

    @model_validator(mode="after")
    def _consistent(self) -> "NewsletterSpec":
        if (self.cadence == "weekly") != (self.weekday is not None):
            raise ValueError("weekday belongs to a weekly newsletter, and to no other")
        if self.publish < self.cutoff:
            raise ValueError("publish must not be earlier in the day than cutoff")
        if self.max_stories < self.min_stories:
            raise ValueError("max_stories must be at least min_stories")
        return self

    @property
    def weekday_number(self) -> int | None:
        return None if self.weekday is None else DAYS.index(self.weekday)


class AlertSpec(BaseModel):
    """The alerts as a publication: an own opt-in, and how sparing they are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    slug: Annotated[str, Field(max_length=40), AfterValidator(_slug)] = "alerts"
    name: str
    description: str
    #: after which a story is no news any more, and its mails do not leave
    life_hours: int = Field(default=24, ge=1, le=72)
    #: first seen longer ago, a story is nobody's first alert
    fresh_hours: int = Field(default=72, ge=1, le=720)
    #: no second alert of a story, whatever is new; what came meanwhile is the next digest's
    story_rest_hours: int = Field(default=12, ge=0, le=168)
    #: no alert of another story about a company
    company_rest_hours: int = Field(default=3, ge=0, le=168)
    #: what comes up so soon after an alert is told together
    gather_minutes: int = Field(default=15, ge=0, le=240)
    #: stories told whole in one mail; more stand below in a line each
    max_stories: int = Field(default=3, ge=1, le=10)
    unknown: Literal["keep", "repeat"] = "repeat"
    undo_minutes: int = Field(default=1, ge=0, le=60)
    two_persons: bool = False

    @property
    def tracking(self) -> Literal["off"]:
        return "off"


class Site(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    #: the news site itself, linked from mails and pages
    url: str
    #: who should care, as the site names them
    audiences: tuple[str, ...]
    newsletters: tuple[NewsletterSpec, ...]
    alerts: AlertSpec | None = None

    @model_validator(mode="after")
    def _one_slug_each(self) -> "Site":
        if not self.newsletters:
            raise ValueError("nothing is published: write one table [[newsletters]] at least")
        slugs = [offer.slug for offer in self.offers]
        if len(set(slugs)) != len(slugs):
            raise ValueError("two newsletters have the same slug")
        return self

    @property
    def offers(self) -> tuple[NewsletterSpec | AlertSpec, ...]:
        """All that one can subscribe to."""
        return (*self.newsletters, self.alerts) if self.alerts else self.newsletters

    @property
    def counts_readers(self) -> bool:
        """Whether a newsletter counts what those readers open and follow who agree to it."""
        return any(newsletter.tracking == "readers" for newsletter in self.newsletters)

    def usual_rhythm(self, slug: str) -> Rhythm:
        """That of whoever subscribes to it without choosing one; alerts have no hour of their own."""
        spec = self.newsletter(slug)
        usual = self.newsletters[0] if isinstance(spec, AlertSpec) else spec
        return Rhythm(usual.timezone, usual.default_hour)

    def newsletter(self, slug: str) -> NewsletterSpec | AlertSpec:
        """The newsletter of that slug, be it the alerts; LookupError names those there are."""
        for offer in self.offers:
            if offer.slug == slug:
                return offer
        known = ", ".join(offer.slug for offer in self.offers)
        raise LookupError(f"no newsletter {slug!r}: there are {known}")


def load_site(path: Path) -> Site:
    """The site described in the file at `path`; BadPublication lists every fault."""
    try:
        document: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        return Site(**document)
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadPublication(f"{path}: {error}") from None
    except ValidationError as error:
        faults = "\n".join(f"  {_place(fault['loc'])}{remedy(fault)}" for fault in error.errors())
        raise BadPublication(f"{path} has faults:\n{faults}") from None


def _place(where: tuple[int | str, ...]) -> str:
    """Where a fault stands, as a person finds it: tables are counted from one."""
    names = [f"number {part + 1}" if isinstance(part, int) else part for part in where]
    return f"{', '.join(names)}: " if names else ""
