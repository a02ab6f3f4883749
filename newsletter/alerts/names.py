"""How the companies and audiences of alert rules are written: a rule itself knows terms, in small letters."""

from collections.abc import Iterable

from sqlalchemy.orm import Session

from newsletter import suggestions
from newsletter.site import Site
from subscribers.alert_rule import AlertRule
from subscribers.lens import term


def names_of(session: Session, site: Site, rules: Iterable[AlertRule]) -> dict[str, str]:
    """Term → name, for `wording.words`; a company that no story mentions is left out."""
    companies = frozenset[str]().union(*(rule.companies for rule in rules))
    return suggestions.company_names(session, companies) | {term(name): name for name in site.audiences}
