"""Random rules over few values, so that they often match, and over values made to do harm."""

from datetime import date

from hypothesis import strategies as st

from subscribers.segments.rule import AllOf, AnyOf, Engaged, Field, Is, Joined, NeverEngaged, Not, Rule, Side

#: as terms: they stand for audiences, companies, topics, newsletters and tags alike
TERMS = ("investors", "mistral ai", "bücher", 'a "quoted" one', "%_'; drop table tag;--", "or")
ZONES = ("UTC", "Europe/Paris", "Asia/Kathmandu")
COUNTRIES = ("FR", "NP")
FILES = ("people.csv", "Größe ?:x {y} \\.csv")
DAYS = (date.min, date(2026, 1, 8), date(2026, 1, 9), date.max)

_VALUES: dict[Field, tuple[str, ...]] = {
    **dict.fromkeys(Field, TERMS),
    Field.ZONE: ZONES,
    Field.COUNTRY: COUNTRIES,
    Field.BATCH: ("1", "2", "999999999999999999"),
    Field.FILE: FILES,
}
#: all that a rule over these values can be made of
CONDITIONS: tuple[Rule, ...] = (
    *(Is(field, value) for field, values in _VALUES.items() for value in values),
    *(about(side, day) for about in (Joined, Engaged) for side in Side for day in DAYS),
    NeverEngaged(),
)


def _compound(parts: st.SearchStrategy[Rule]) -> st.SearchStrategy[Rule]:
    several = st.lists(parts, min_size=2, max_size=3).map(tuple)
    return st.builds(Not, parts) | st.builds(AllOf, several) | st.builds(AnyOf, several)


rules: st.SearchStrategy[Rule] = st.recursive(st.sampled_from(CONDITIONS), _compound, max_leaves=8)
