"""A real provider that fails where a test tells it to."""

from collections.abc import Callable, Sequence

from newsletter.mail import Enough, HandedOver, Mail, Outcome, Provider


class FaultyProvider:
    """Hands over through `provider`, but for the mails to which `fault` has another answer.

    `fault` gets each mail and returns its outcome, or None to let it pass; it may also raise.
    """

    def __init__(self, provider: Provider, fault: Callable[[Mail], Outcome | None]) -> None:
        self.name = provider.name
        self.max_batch = provider.max_batch
        self._provider = provider
        self._fault = fault

    def hand_over(self, mails: Sequence[Mail], enough: Enough) -> HandedOver:
        faults = {mail.delivery_id: self._fault(mail) for mail in mails}
        passed = [mail for mail in mails if faults[mail.delivery_id] is None]
        failed = {delivery_id: outcome for delivery_id, outcome in faults.items() if outcome is not None}
        if not passed:
            return HandedOver(failed)
        handed = self._provider.hand_over(passed, enough)
        return HandedOver({**failed, **handed.outcomes}, handed.halted)

    def check(self) -> str:
        return self._provider.check()
