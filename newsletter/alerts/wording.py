"""Alert rules and choices in words: for the mail's footer, pages and the command line. Pure."""

from subscribers.alert_choices import AlertChoices
from subscribers.alert_rule import AlertRule


def words(rule: AlertRule) -> str:
    """The rule as its reader would say it: `Mistral AI or OpenAI, from 5 outlets in 2 languages on`."""
    raise NotImplementedError


def choices_in_words(choices: AlertChoices) -> tuple[str, ...]:
    """The choices, a sentence each: `Quiet from 22:00 to 07:00: alerts wait until then`."""
    raise NotImplementedError
