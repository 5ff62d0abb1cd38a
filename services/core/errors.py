"""An error says what happens next: try again, set the item aside, or stop.

Only adapters translate vendors' errors into these.
"""

from typing import Self


class Verdict(Exception):
    """Base of the three verbs. `reason` is a stable code, `message` a sentence for a person.

    `system` names the outside system that gave it, such as `drive`, so that a copy which involves
    two of them knows which one to wait for; empty where only one is involved.
    """

    system = ""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(f"{message} ({reason})")
        self.reason = reason
        self.message = message

    def of(self, system: str) -> Self:
        self.system = system
        return self


class TryAgain(Verdict):
    """The same request may work later, after `retry_after` seconds if the other side asked so."""

    def __init__(self, reason: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(reason, message)
        self.retry_after = retry_after


class RateLimited(TryAgain):
    """We asked too often: wait, and do not count it as an attempt."""


class Corrupt(TryAgain):
    """What came is not what was announced: after the last attempt, this item's fault."""


class SetAside(Verdict):
    """This one item failed for good; go on with the rest."""


class Stop(Verdict):
    """Nothing can work until somebody acts: wait loudly, lose nothing."""


class Outage(Stop):
    """Attempts are used up, and the other side rather than the item seems to be at fault."""


class CoolDown(Stop):
    """The other side shut everything of ours out: nobody asks for `seconds`, then one may."""

    def __init__(self, reason: str, message: str, seconds: float) -> None:
        super().__init__(reason, message)
        self.seconds = seconds
