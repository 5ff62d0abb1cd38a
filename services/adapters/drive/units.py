"""What a request costs of Google's quota, in its own units.

Source: the usage limits of the Drive API since 1 May 2026 (drive-api.md §0.1). That `alt=media`
counts as a download is not said anywhere in so many words: the dearer reading is taken.
"""

LIST = 100
GET = 5
DOWNLOAD = 200


class Unmetered:
    """`SpendsQuota` without a limit: for tests, and where the settings say that there is none."""

    async def take(self, units: int) -> None:
        """Return at once."""

    def refused(self) -> None:
        """Nothing can be slowed down."""
