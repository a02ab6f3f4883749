"""How the companies and audiences of alert rules are written: a rule itself knows terms, in small letters.

One rule is kept for all who say the same, so the stories say how a name is written, not whoever typed it.
"""

from collections.abc import Iterable

from sqlalchemy.orm import Session

from newsletter import suggestions
from newsletter.alerts.wording import as_a_name
from newsletter.site import Site
from subscribers.alert_rule import AlertRule
from subscribers.lens import term


def names_of(session: Session, site: Site, rules: Iterable[AlertRule]) -> dict[str, str]:
    """Term → name, for `wording.words`; of a company that no story mentions, as names are written."""
    companies = frozenset[str]().union(*(rule.companies for rule in rules))
    usual = {key: as_a_name(key) for key in companies}
    audiences = {term(name): name for name in site.audiences}
    return usual | suggestions.company_names(session, companies) | audiences
