"""From the text of a rule to the rule, and back.

    audience = investors and (zone = Europe/Paris or country = FR) and not tag = "press list"

`or` binds least, then `and`, then `not`; case makes no difference. A value stands in double quotes
when it has blanks or signs in it, and a quote within is doubled.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches

from subscribers.lens import term
from subscribers.rhythm import InvalidRhythm, parse_zone
from subscribers.segments.rule import AllOf, AnyOf, Engaged, Field, Is, Joined, NeverEngaged, Not, Rule, Side

#: characters
LONGEST = 2_000
#: parentheses and `not` within each other
DEEPEST = 50

_WORD = r"""[^\s()="'“”„‘’«»][^\s()="]*"""
_TOKEN = re.compile(rf'(?P<quoted>"(?:[^"]|"")*")|(?P<word>{_WORD})|(?P<sign>[()=])')
_CONNECTIVES = ("and", "or", "not")
_EXAMPLE = {
    Field.AUDIENCE: "investors",
    Field.COMPANY: '"Mistral AI"',
    Field.TOPIC: "chips",
    Field.NEWSLETTER: "daily",
    Field.ZONE: "Europe/Paris",
    Field.COUNTRY: "FR",
    Field.TAG: "press",
    Field.BATCH: "12",
    Field.FILE: '"people.csv"',
}


class BadRule(ValueError):
    """This is not a rule: where it goes wrong, why, and what to write instead."""

    def __init__(self, text: str, position: int, reason: str) -> None:
        self.text = text
        #: characters from the beginning of the text
        self.position = position
        self.reason = reason
        super().__init__(f"{reason}\n{self.pointed()}")

    def pointed(self) -> str:
        """The text around the place, and a caret below the place."""
        start = max(0, self.position - 40)
        shown = self.text[start : self.position + 40]
        return f"  {_visible(shown)}\n  {' ' * (self.position - start)}^"


def _visible(text: str) -> str:
    """As long as `text`, and without signs that would do something to a terminal."""
    return "".join(character if character.isprintable() else "�" for character in text)


def parse(text: str) -> Rule:
    """The rule in `text`, or BadRule. Its values are in the form in which they are stored."""
    if len(text) > LONGEST:
        raise BadRule(text, LONGEST, f"a rule has at most {LONGEST:,} characters: split it in two segments")
    parser = _Parser(text, _tokens(text))
    rule = parser.any_of(0)
    parser.end()
    return rule


def write(rule: Rule) -> str:
    """The one text of the rule; `parse` makes the same rule of it."""
    match rule:
        case AnyOf(rules):
            return " or ".join(
                f"({write(part)})" if isinstance(part, AnyOf) else write(part) for part in rules
            )
        case AllOf(rules):
            return " and ".join(map(_enclosed, rules))
        case Not(inner):
            return f"not {_enclosed(inner)}"
        case Joined(side, day):
            return f"joined {side} {day.isoformat()}"
        case Engaged(side, day):
            return f"engaged {side} {day.isoformat()}"
        case NeverEngaged():
            return "never engaged"
        case Is(field, value):
            return f"{field} = {_quoted(value)}"


def _enclosed(rule: Rule) -> str:
    return f"({write(rule)})" if isinstance(rule, AllOf | AnyOf) else write(rule)


def _quoted(value: str) -> str:
    if re.fullmatch(_WORD, value) and value not in _CONNECTIVES:
        return value
    return '"' + value.replace('"', '""') + '"'


@dataclass(frozen=True, slots=True)
class _Token:
    position: int
    #: as it stands in the text; empty at the end of it
    text: str

    @property
    def key(self) -> str:
        """What to know a word of the language by; a quoted text is none."""
        return self.text.casefold()

    @property
    def shown(self) -> str:
        return _visible(self.text[:40]) or "the end"


def _tokens(text: str) -> list[_Token]:
    tokens, position = [], 0
    while position < len(text):
        if text[position].isspace():
            position += 1
            continue
        found = _TOKEN.match(text, position)
        if not found:
            straight = 'a text stands between straight double quotes, as in tag = "press list"'
            raise BadRule(text, position, f"cannot read {text[position]} here: {straight}")
        tokens.append(_Token(position, found.group()))
        position = found.end()
    return [*tokens, _Token(len(text), "")]


class _Parser:
    """Recursive descent: each method reads one level of the grammar and stops behind it."""

    def __init__(self, text: str, tokens: list[_Token]) -> None:
        self._text = text
        self._tokens = tokens
        self._next = 0

    def any_of(self, depth: int) -> Rule:
        rules = [self._all_of(depth)]
        while self._took("or"):
            rules.append(self._all_of(depth))
        return AnyOf(tuple(rules)) if len(rules) > 1 else rules[0]

    def end(self) -> None:
        """Nothing may follow."""
        token = self._tokens[self._next]
        if token.key == ")":
            raise self._bad(token, "no ( belongs to this ): take it away")
        if token.text:
            several = 'A value of several words stands in double quotes, as in company = "Mistral AI"'
            raise self._bad(token, f"expected and, or, or the end, not {token.shown}. {several}")

    def _all_of(self, depth: int) -> Rule:
        rules = [self._one(depth)]
        while self._took("and"):
            rules.append(self._one(depth))
        return AllOf(tuple(rules)) if len(rules) > 1 else rules[0]

    def _one(self, depth: int) -> Rule:
        token = self._take()
        if depth > DEEPEST:
            raise self._bad(token, f"more than {DEEPEST} levels of ( and not: save a part as its own segment")
        match token.key:
            case "not":
                return Not(self._one(depth + 1))
            case "(":
                rule = self.any_of(depth + 1)
                if not self._took(")"):
                    raise self._bad(
                        self._take(), f"the ( at character {token.position + 1} is not closed: add )"
                    )
                return rule
            case "joined" | "engaged" as happened:
                side, day = self._beside(happened)
                return Joined(side, day) if happened == "joined" else Engaged(side, day)
            case "never":
                if not self._took("engaged"):
                    raise self._bad(self._take(), "never what? Write never engaged")
                return NeverEngaged()
            case key if key in list(Field):
                return self._is(Field(key))
        raise self._bad(token, _no_condition(token))

    def _beside(self, happened: str) -> tuple[Side, date]:
        side, day = self._take(), self._take()
        if side.key not in list(Side):
            remedy = f"Write {happened} before 2026-01-31, or {happened} after 2026-01-31"
            raise self._bad(side, f"{happened} when? {remedy}")
        try:
            return Side(side.key), date.fromisoformat(day.text)
        except ValueError:
            raise self._bad(day, f"{day.shown} is not a date: write it as 2026-01-31") from None

    def _is(self, field: Field) -> Is:
        sign = self._take()
        if sign.key != "=":
            opposite = f"the opposite is not {field} = {_EXAMPLE[field]}"
            raise self._bad(sign, f"expected = and a value, as in {field} = {_EXAMPLE[field]}; {opposite}")
        token = self._take()
        if token.key in ("", "(", ")", "=", *_CONNECTIVES):
            quotes = ", and in double quotes if the value is this very word" if token.key else ""
            raise self._bad(token, f"the value is missing: write {field} = {_EXAMPLE[field]}{quotes}")
        text = token.text
        typed = text[1:-1].replace('""', '"') if text.startswith('"') else text
        try:
            return Is(field, _stored(field, typed))
        except ValueError as error:
            raise self._bad(token, str(error)) from None

    def _take(self) -> _Token:
        token = self._tokens[self._next]
        self._next = min(self._next + 1, len(self._tokens) - 1)
        return token

    def _took(self, key: str) -> bool:
        if self._tokens[self._next].key == key:
            self._next += 1
            return True
        return False

    def _bad(self, token: _Token, reason: str) -> BadRule:
        return BadRule(self._text, token.position, reason)


def _no_condition(token: _Token) -> str:
    """What to say of a token where a condition ought to begin."""
    known = [*Field, "joined", "engaged", "never"]
    if near := get_close_matches(token.key, known, n=1):
        return f"unknown condition {token.shown}: did you mean {near[0]}?"
    return f"expected a condition, not {token.shown}: it begins with not, ( or {', '.join(known)}"


def _stored(field: Field, typed: str) -> str:
    """The value in the form in which the database has it, or ValueError with the remedy."""
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in typed):
        raise ValueError("the value has control characters: type it again without them")
    match field:
        case Field.ZONE:
            try:
                return parse_zone(typed)
            except InvalidRhythm as error:
                raise ValueError(str(error)) from None
        case Field.COUNTRY:
            if re.fullmatch("[A-Za-z]{2}", typed):
                return typed.upper()
            raise ValueError("a country is written with its two letters: country = FR (ISO 3166-1 alpha-2)")
        case Field.BATCH:
            if re.fullmatch("[1-9][0-9]{0,17}", typed):
                return typed
            raise ValueError('an import is named by its number, or by its file: file = "people.csv"')
        case Field.FILE:
            value = typed.strip()
        case _:
            value = term(typed)
    if not value:
        raise ValueError(f"the value is empty: write {field} = {_EXAMPLE[field]}")
    return value
