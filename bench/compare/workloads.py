"""What is copied, and by whom. No IO."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

RCLONE_4, RCLONE_32 = "rclone, 4 transfers", "rclone, 32 transfers"
DEFAULTS = "rclone, its defaults"
SMALL, LARGE, CAMERA = "100 KB", "5 MB", "camera roll"
KB, MB = 1_024, 1_000_000
DEFAULTS_FILES = 400
"""rclone's pacer lets through 100 requests at once and then 10 a second: more would take long."""


@dataclass(frozen=True)
class Workload:
    """So many files, whose sizes are taken in turn, in folders of one level."""

    name: str
    files: int
    sizes: tuple[int, ...]
    folders: int = 10

    @property
    def bytes(self) -> int:
        """Of all files together."""
        rounds, rest = divmod(self.files, len(self.sizes))
        return rounds * sum(self.sizes) + sum(self.sizes[:rest])

    def of(self, files: int) -> "Workload":
        """The same with another number of files."""
        return replace(self, files=files)

    @property
    def tree(self) -> str:
        """A name for the folder on Drive, which holds exactly these files."""
        return f"{self.name}-{self.files}".replace(" ", "-").lower()


WORKLOADS = (
    Workload(SMALL, 10_000, (100 * KB,)),
    Workload(LARGE, 400, (5 * MB,)),
    # Photographs of a telephone, screenshots, and what came by messengers: 1.9 MB on average.
    Workload(
        CAMERA,
        1_000,
        (
            *(2_600_000, 90_000, 3_400_000, 420_000, 1_300_000, 2_100_000, 150_000, 4_800_000),
            *(310_000, 1_700_000, 3_900_000, 75_000, 2_900_000, 650_000, 1_100_000, 3_100_000),
            *(240_000, 2_400_000, 8_200_000, 120_000),
        ),
    ),
)


@dataclass(frozen=True)
class Peer:
    """rclone with these settings; `files` caps how many it is given."""

    name: str
    flags: tuple[str, ...]
    files: int | None = None


NO_PACER = ("--drive-pacer-min-sleep", "0")
PEERS: Sequence[Peer] = (
    Peer(RCLONE_4, ("--transfers", "4", *NO_PACER)),
    Peer(RCLONE_32, ("--transfers", "32", *NO_PACER)),
    Peer(DEFAULTS, (), DEFAULTS_FILES),
)
