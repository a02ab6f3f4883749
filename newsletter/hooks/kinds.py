"""What a hook may be told: the kinds, and which line or event gives rise to which. Pure."""

from enum import StrEnum

from newsletter.models.event import EventKind
from subscribers.models import Act


class HookKind(StrEnum):
    ASKED = "subscriber.asked"
    CONFIRMED = "subscriber.confirmed"
    CHANGED = "subscriber.changed"
    PAUSED = "subscriber.paused"
    UNSUBSCRIBED = "subscriber.unsubscribed"
    ERASED = "subscriber.erased"
    DELIVERED = "delivery.delivered"
    BOUNCED = "delivery.bounced"
    COMPLAINED = "delivery.complained"
    BLOCKED = "delivery.blocked"
    PUBLISHED = "issue.published"
    FINISHED = "issue.finished"


#: told to a hook that did not say what it wants: there are as many delivered as there are mails
UNLESS_SAID = tuple(kind for kind in HookKind if kind is not HookKind.DELIVERED)
#: what is posted by `newsletter hooks test`, and by nothing else
TEST = "hook.test"

BY_ACT = {
    Act.REQUESTED: HookKind.ASKED,
    Act.CONFIRMED: HookKind.CONFIRMED,
    Act.ATTESTED: HookKind.CONFIRMED,
    Act.CHANGED: HookKind.CHANGED,
    Act.RESTORED: HookKind.CHANGED,
    Act.PAUSED: HookKind.PAUSED,
    Act.UNSUBSCRIBED: HookKind.UNSUBSCRIBED,
    Act.ERASED: HookKind.ERASED,
}
BY_EVENT = {
    EventKind.DELIVERED: HookKind.DELIVERED,
    EventKind.SOFT_BOUNCE: HookKind.BOUNCED,
    EventKind.HARD_BOUNCE: HookKind.BOUNCED,
    EventKind.COMPLAINED: HookKind.COMPLAINED,
    EventKind.BLOCKED: HookKind.BLOCKED,
}
