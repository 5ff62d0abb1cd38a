"""Where a picture's thumbnails are kept, and how wide they are."""

WIDTHS = (160, 320, 640, 1280)
PREFIX = "thumbnails.v1/"
"""No picture's key begins so: the folders in keys have no dot. Another way of drawing gets another
number, so that old thumbnails are not taken for new ones."""


def width_of(asked: int) -> int:
    """The next width that thumbnails are drawn in."""
    return next((width for width in WIDTHS if width >= asked), WIDTHS[-1])


def thumbnail_key(object_key: str, width: int) -> str:
    """A picture's key changes with its bytes, and so does its thumbnail's."""
    return f"{PREFIX}{width}/{object_key}"
