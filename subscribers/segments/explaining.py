"""A rule in plain words, for the person who wrote it to see whether it says what they meant."""

from subscribers.segments.rule import AllOf, AnyOf, Engaged, Field, Is, Joined, NeverEngaged, Not, Rule, Side

#: what holds, and what holds if not
_SAYINGS = {
    Field.AUDIENCE: ("chose the audience {}", "did not choose the audience {}"),
    Field.COMPANY: ("follow the company {}", "do not follow the company {}"),
    Field.TOPIC: ("follow the topic {}", "do not follow the topic {}"),
    Field.NEWSLETTER: ("are confirmed for the newsletter {}", "are not confirmed for the newsletter {}"),
    Field.ZONE: ("live in the time zone {}", "do not live in the time zone {}"),
    Field.COUNTRY: ("live in the country {}", "are not known to live in the country {}"),
    Field.TAG: ("are tagged {}", "are not tagged {}"),
    Field.BATCH: ("came with import {}", "did not come with import {}"),
    Field.FILE: ("came with the file {}", "did not come with the file {}"),
}
_JOINED = {
    Side.BEFORE: ("joined before {}", "joined on or after {}"),
    Side.AFTER: ("joined after {}", "joined on or before {}"),
}
_ENGAGED = {
    Side.BEFORE: ("were last engaged before {}", "were not last engaged before {}"),
    Side.AFTER: ("were engaged after {}", "were not engaged after {}"),
}
_NEVER_ENGAGED = ("were never engaged", "were engaged at some time")


def explain(rule: Rule) -> str:
    """`who chose the audience “investors”, and (live in … or …)`: to stand after "subscribers".

    A `not` before parentheses is told by its meaning: not (a or b) is "not a, and not b".
    """
    connective, parts = _parts(rule, True)
    return "who " + f", {connective} ".join(_inner(part, truth) for part, truth in parts)


def _parts(rule: Rule, truth: bool) -> tuple[str, list[tuple[Rule, bool]]]:
    """What joins the parts of a rule, and each of them with whether it is to hold."""
    match rule:
        case Not(inner):
            return _parts(inner, not truth)
        case AllOf(rules) | AnyOf(rules):
            # De Morgan: a denied "and" is an "or" of what is denied
            return "and" if isinstance(rule, AllOf) == truth else "or", [(part, truth) for part in rules]
        case _:
            return "and", [(rule, truth)]


def _inner(rule: Rule, truth: bool) -> str:
    match rule:
        case Is(field, value):
            return _SAYINGS[field][not truth].format(f"“{value}”")
        case Joined(side, day):
            return _JOINED[side][not truth].format(day.isoformat())
        case Engaged(side, day):
            return _ENGAGED[side][not truth].format(day.isoformat())
        case NeverEngaged():
            return _NEVER_ENGAGED[not truth]
        case _:
            connective, parts = _parts(rule, truth)
            inside = f" {connective} ".join(_inner(part, truth) for part, truth in parts)
            return f"({inside})" if len(parts) > 1 else inside
