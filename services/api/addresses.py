"""What `storage_path` is in an answer: an address that opens in a browser as given."""

from typing import TypeVar
from urllib.parse import quote

from msgspec.structs import replace

from services.adapters.catalog.views import Image
from services.adapters.store.urls import ObjectUrls

I = TypeVar("I", bound=Image)  # noqa: E741


class ImageAddresses:
    """In a public store it is the object's own address. In a private store it is the API's address
    of the image, which redirects to a signed one; `api_url` is the API as browsers reach it."""

    def __init__(self, urls: ObjectUrls, api_url: str) -> None:
        self._urls = urls
        self._api_url = api_url.rstrip("/")

    def shown(self, image: I) -> I:
        """The image with its address in place of where the catalog says that it is stored."""
        return replace(image, storage_path=self._address(image))

    def object_url(self, image: Image) -> str:
        """Where the bytes are."""
        if self._urls.public:
            return self._urls.public_url(image.storage_path)
        return self._urls.signed_url(image.storage_path, name=image.name, mime_type=image.mime_type)

    def _address(self, image: Image) -> str:
        if self._urls.public:
            return self._urls.public_url(image.storage_path)
        return f"{self._api_url}/images/{quote(image.google_drive_id, safe='')}/content"
