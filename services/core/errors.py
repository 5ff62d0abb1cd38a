"""An error says what happens next; only adapters translate vendors' errors into these.

Verdict
├── TryAgain      the same request may work later: back off, a bounded number of times
│   ├── RateLimited   we asked too often: wait, and do not count it as an attempt
│   └── Corrupt       not what was announced: after the last attempt, this item's fault
├── SetAside      this one item failed, with a reason code and a sentence; go on with the rest
└── Stop          nothing can work until somebody acts: wait loudly, lose nothing
    ├── Outage        the other side does not answer, or only with errors: wait until it does
    └── CoolDown      the other side shut us out for a while: wait as long as it says
"""

from typing import Self

# Reason codes that more than one module must know; the others live where they are given.
CONTENT_MISMATCH = "content_mismatch"
PAGE_TOKEN_INVALID = "page_token_invalid"
KEY_REFUSED = "key_refused"
CREDENTIALS_REFUSED = "credentials_refused"
DRIVE_RATE_LIMITED = "drive_rate_limited"
"""Google asks for a slower pace. That it lasted beyond all patience says nothing about one file."""
DRIVE_UNREACHABLE = "drive_unreachable"
AUTOMATED_QUERIES = "automated_queries"
DAILY_LIMIT = "daily_limit_exceeded"
DOWNLOAD_QUOTA = "download_quota_exceeded"
"""Too many people fetched this one file lately: it is parked, and can be fetched within a day."""
NOT_FOUND = "not_found"
"""There is no such item, or we may not see it, or its resource key was not given."""
GONE = "gone"
"""It was there when its folder was listed, and is not any more, or not for us."""
TRASHED = "trashed"


class Verdict(Exception):
    """Base of the three verbs. `reason` is a stable code, `message` a sentence for a person.

    `system` names the outside system that gave it, such as `drive`, where a call involves two.
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
