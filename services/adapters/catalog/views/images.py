"""Images, and lists of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from msgspec import UNSET, Struct, UnsetType, field


class Image(Struct, frozen=True, gc=False):
    """One stored image. `storage_path` is `s3://BUCKET/KEY` in the catalog; the API shows a URL
    that opens in a browser instead. `content_type` is what the image is by its bytes, and is served
    as; `mime_type` is what Drive says."""

    id: int
    name: str
    google_drive_id: str
    size: int
    mime_type: str
    storage_path: str
    created_at: datetime
    content_type: str


class ListedImage(Image, frozen=True, gc=False):
    """An image in a list, with its pixels if Drive gave them. In the list of an import,
    `imported_at` is when the import stored it or found it unchanged; `created_at` is when the first
    import stored it."""

    width: int | None = None
    height: int | None = None
    imported_at: datetime | UnsetType = UNSET


class ImageDetails(Image, frozen=True, kw_only=True):
    """A picture with everything that is known of it."""

    folder_id: str
    path: str
    md5: str | None
    sha256: str | None
    width: int | None
    height: int | None
    modified_at: datetime | None
    drive_version: int
    updated_at: datetime


ImageOrder = Literal["id", "google_drive_id", "name", "size", "created_at", "imported_at"]
"""The last one is for lists of one import."""


class ImagePlace(NamedTuple):
    """Where an image stands in a list: its value of the list's order, and its id; by `imported_at`,
    its Drive id. Only the first 200 characters of a name count, without regard to case. A page
    begins behind it, or with it if it is `included`."""

    value: int | str | datetime
    id: int | str
    included: bool = False


class ImageSections(NamedTuple):
    """A list at one moment: its length, the first image of each section, and the index of the image
    that was looked for; None if the list does not have it."""

    total: int
    starts: Sequence[ImagePlace]
    position: int | None


class ImageFolder(Struct, frozen=True):
    """A folder of an import. `path` are the names from below the root down to this folder; `images`
    are those directly in it that the import stored or found unchanged."""

    folder_id: str
    path: tuple[str, ...]
    images: int


class ImageFilter(Struct, frozen=True, kw_only=True):
    """Which images, and in which order. Conditions combine. A name is how names begin, without
    regard to case. Sizes are inclusive; `since` is, and `until` is not.

    With `below`, the folders of the import below `folder_id` count as well. The reader finds them
    by their paths, and puts them into `folder_ids`.

    Without an order it is that of the filter which the database walks along best.
    """

    import_id: str | None = None
    folder_id: str | None = None
    name: str | None = None
    content_type: str | None = field(default=None, name="mime_type")  # as cursors have it
    min_size: int | None = None
    max_size: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    order: ImageOrder | None = None
    descending: bool = False
    # Of filters without them, the cursors of an older version stay valid.
    below: Literal[True] | UnsetType = UNSET
    folder_ids: Sequence[str] | UnsetType = UNSET

    @property
    def sorted_by(self) -> ImageOrder:
        if self.order is not None:
            return self.order
        if self.name is not None:  # fewer than those of most imports
            return "name"
        if self.import_id is not None:
            return "google_drive_id"
        if self.since is not None or self.until is not None:
            return "created_at"
        sized = self.min_size is not None or self.max_size is not None
        return "size" if sized else "id"

    def place_of(self, image: ListedImage) -> ImagePlace:
        value, id = getattr(image, self.sorted_by), image.id
        if self.sorted_by == "imported_at":
            return ImagePlace(value, image.google_drive_id)
        return ImagePlace(value[:200] if self.sorted_by == "name" else value, id)
