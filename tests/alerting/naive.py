"""The rules of the alerts once more, told as a child would: slow, plain, and without a line of ours.

Only the values are shared with the program: what a story says, what a rule asks for, what a reader chose.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from newsletter.content import StoryContent
from subscribers.alert_choices import AlertChoices
from subscribers.alert_rule import AlertRule
from subscribers.lens import Lens


def plain(text: str | None) -> str:
    """The words alone, in small letters, a blank on both sides of each."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text or "").casefold())
    return " ".join(["", *re.findall(r"[^\W_]+", folded), ""])


def says(text: str | None, word: str) -> bool:
    """Whether the word stands in it; of a script without blanks, anywhere."""
    sought = plain(word)
    if not sought.strip():
        return False
    return sought in plain(text) or (not sought.isascii() and sought.strip() in plain(text))


def is_about(content: StoryContent, company: str) -> bool:
    return company in {one.key for one in content.companies} or says(content.title, company)


def is_on(content: StoryContent, topic: str) -> bool:
    return says(content.title, topic) or says(content.category, topic)


def meets(rule: AlertRule, content: StoryContent, spread: Sequence[datetime]) -> bool:
    """Whether the story meets the rule, but for the question whether it leads a digest.

    `spread` holds when each outlet was first seen to report it.
    """
    if len({article.outlet.casefold() for article in content.coverage}) < rule.min_outlets > 1:
        return False
    if rule.min_languages > 1:
        languages = {article.language or content.language for article in content.coverage}
        if len(languages) < rule.min_languages:
            return False
    if rule.impacts and (content.impact is None or str(content.impact) not in rule.impacts):
        return False
    if rule.audiences and not {audience.casefold() for audience in content.audiences} & rule.audiences:
        return False
    if rule.companies and not any(is_about(content, company) for company in rule.companies):
        return False
    if rule.topics and not any(is_on(content, topic) for topic in rule.topics):
        return False
    tldr = content.tldr.text if content.tldr else None
    if rule.words and not any(says(content.title, word) or says(tldr, word) for word in rule.words):
        return False
    return not rule.fast_outlets or is_fast(spread, rule.fast_outlets, timedelta(hours=rule.fast_hours))


def is_fast(spread: Sequence[datetime], outlets: int, span: timedelta) -> bool:
    moments = sorted(spread)
    return any(last - first <= span for first, last in zip(moments, moments[outlets - 1 :], strict=False))


def is_new(before: StoryContent, after: StoryContent) -> bool:
    """Whether it holds a new fact: twice the outlets, another label, another company."""
    outlets = [len({article.outlet.casefold() for article in one.coverage}) for one in (before, after)]
    doubled = outlets[1] >= 2 * outlets[0] and outlets[1] >= outlets[0] + 2
    label = after.impact is not None and after.impact != before.impact
    companies = {one.key for one in after.companies} - {one.key for one in before.companies}
    return doubled or label or bool(companies)


def is_muted(lens: Lens, content: StoryContent) -> bool:
    return any(is_about(content, company) for company in lens.muted_companies) or any(
        is_on(content, topic) for topic in lens.muted_topics
    )


def is_quiet(choices: AlertChoices, local: datetime) -> bool:
    """Whether the reader wants quiet when the clock on their wall shows this."""
    if local.weekday() in choices.quiet_days:
        return True
    first, end = choices.quiet_from, choices.quiet_until
    if first <= end:
        return first <= local.hour < end
    return local.hour >= first or local.hour < end


def is_high(contents: Iterable[StoryContent]) -> bool:
    """Whether all of them are of the highest impact."""
    return all(content.impact in ("advance", "delay") for content in contents)
