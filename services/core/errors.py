"""An error says what happens next; only adapters translate vendors' errors into these.

Verdict
├── TryAgain      the same request may work later: back off, a bounded number of times
│   ├── RateLimited   we asked too often: wait, and do not count it as an attempt
│   └── Corrupt       what came is not what was announced: after the last attempt, this item's fault
├── SetAside      this one item failed, with a reason code and a sentence; go on with the rest
└── Stop          nothing can work until somebody acts: wait loudly, lose nothing
    ├── Outage        the other side does not answer, or only with errors: wait until it does
    └── CoolDown      the other side shut us out for a while: wait as long as it says
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
    """Worth another attempt; `retry_after` is what the other side asked for, in seconds."""

    def __init__(self, reason: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(reason, message)
        self.retry_after = retry_after


class RateLimited(TryAgain):
    """The other side asks for a slower pace. Not an attempt."""


class Corrupt(TryAgain):
    """The answer was complete and wrong. It says nothing about the other items."""


class SetAside(Verdict):
    """Set this item aside with its reason; more attempts would not help."""


class Stop(Verdict):
    """No item can succeed now: credentials refused, bucket gone, disk full."""


class Outage(Stop):
    """Attempts are used up, and the other side rather than the item seems to be at fault."""


class CoolDown(Stop):
    """The other side shut everything of ours out: nobody asks for `seconds`, then one may."""

    def __init__(self, reason: str, message: str, seconds: float) -> None:
        super().__init__(reason, message)
        self.seconds = seconds
