"""Access tokens: whose they are, and until when."""

import secrets

from drive_emulator.clock import Clock

USUAL_LIFE_S = 3_600.0  # as Google's own
_MOST = 100_000


class Tokens:
    """Issued by the token endpoint, or fixed from the start (`--bearer`)."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._held: dict[str, tuple[str, float]] = {}  # token -> account, when it ends

    def issue(self, account: str, life_s: float = USUAL_LIFE_S) -> str:
        """A new token of the account; the oldest is forgotten when there are too many."""
        token = f"ya29.{secrets.token_urlsafe(48)}"
        self.fix(token, account, life_s)
        return token

    def fix(self, token: str, account: str, life_s: float = float("inf")) -> None:
        """Take a given token as the account's, for ever unless a life is given."""
        if len(self._held) >= _MOST and token not in self._held:
            del self._held[next(iter(self._held))]
        self._held[token] = (account, self._clock.now() + life_s)

    def revoke(self, token: str) -> None:
        """Nobody's from now on."""
        self._held.pop(token, None)

    def account(self, token: str) -> str | None:
        """Whose it is; None for one that nobody issued, or that has ended."""
        account, ends = self._held.get(token, ("", 0.0))
        return account if self._clock.now() < ends else None
