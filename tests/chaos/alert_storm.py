"""What happens to the alerts in a storm: stories break and change, editors choose, readers leave."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

from sqlalchemy import select

from newsletter.alert_desk.editing import IllegalStep
from newsletter.alert_desk.letting_go import cancel
from newsletter.models import Alert
from newsletter.models.alert import AlertKind
from newsletter.release import Actor
from newsletter.store.engine import writing
from newsletter.wiring import Services
from tests.chaos import acts
from tests.chaos.alert_world import PROMISES, alert_books, choose, happens, was_wrong
from tests.chaos.world import World

#: kept free of those who leave, so that the promises to all others can be counted
_STAY = 2 / 3
_DONE = (
    "whom an alert concerns has a row with an end",
    "every story is looked at, and every alert comes to its end",
    "what is said to be mailed was",
)


@dataclass
class Doings:
    """Calls one of them after each blow; see `storm.blow`."""

    world: World
    services: Services
    happened: Counter[str] = field(default_factory=Counter)
    #: title → outlets, of the stories so far
    _outlets: dict[str, int] = field(default_factory=dict)
    _leaving: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        addresses = sorted(self.world.readers.values())
        self._leaving = addresses[int(len(addresses) * _STAY) :]

    def __call__(self, chance: Random) -> None:
        acting = self.breaks, self.goes_on, self.is_chosen, self.is_stopped, self.was_wrong, self.leaves
        [act] = chance.choices(acting, weights=(4, 3, 1, 1, 1, 1))
        act(chance)
        self.happened[act.__name__.replace("_", " ")] += 1

    def breaks(self, chance: Random) -> None:
        for _ in range(chance.randint(1, 3)):
            title = f"A model breaks out once more, {chance.random()}"
            self._outlets[title] = 2
            happens(self.services, title, datetime.now(UTC))

    def goes_on(self, chance: Random) -> None:
        """Twice as many outlets report it."""
        titles = [title for title, number in self._outlets.items() if number < 16]
        if titles:
            title = chance.choice(titles)
            self._outlets[title] *= 2
            happens(self.services, title, datetime.now(UTC), outlets=self._outlets[title])

    def is_chosen(self, chance: Random) -> None:
        """By an editor, and let go at once."""
        choose(self.services, f"A treaty is signed, {chance.random()}", datetime.now(UTC))

    def is_stopped(self, chance: Random) -> None:
        """Some alert, in whatever state it is."""
        with writing(self.services.engine) as session:
            ids = session.scalars(select(Alert.id).where(Alert.kind == AlertKind.EDITORS)).all()
        if ids:
            try:
                with writing(self.services.engine) as session:
                    chosen = session.get_one(Alert, chance.choice(ids))
                    cancel(session, chosen, Actor("Ada", datetime.now(UTC)))
            except IllegalStep:
                pass

    def was_wrong(self, chance: Random) -> None:
        """A story that broke; nothing more comes in of it."""
        if self._outlets:
            title = chance.choice(list(self._outlets))
            del self._outlets[title]
            was_wrong(self.services, title, datetime.now(UTC))

    def leaves(self, chance: Random) -> None:
        if self._leaving:
            address, now = self._leaving.pop(), datetime.now(UTC)
            if chance.random() < 0.5:
                acts.unsubscribe(self.services, now, address, "alerts")
            else:
                acts.erase(self.services, now, address)

    def is_over(self) -> bool:
        """Whether nothing is to be done any more."""
        books = alert_books(self.world)
        # what is not repeated by then never is
        lately = datetime.now(UTC) - timedelta(seconds=5)
        in_doubt = any(
            one.state == "unknown" and not one.repeats and one.settled_at and one.settled_at > lately
            for one in books.mails
        )
        return not in_doubt and not any(PROMISES[name](books) for name in _DONE)
