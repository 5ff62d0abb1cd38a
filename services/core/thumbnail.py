"""Where a picture's thumbnails are kept, and how wide they are."""

WIDTHS = (160, 320, 640, 1280)
PREFIX = "thumbnails.v1/"
"""No picture's key begins so: no part of a key that ends in a slash has a dot in it. Thumbnails that
are drawn in another way get another number, so that old ones are not taken for them."""


def width_of(asked: int) -> int:
    """The next width that thumbnails are drawn in."""
    return next((width for width in WIDTHS if width >= asked), WIDTHS[-1])


def thumbnail_key(object_key: str, width: int) -> str:
    """A picture's key changes with its bytes, and so does its thumbnail's."""
    return f"{PREFIX}{width}/{object_key}"
