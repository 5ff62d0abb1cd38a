"""What is compressed is closed, also where nobody reads it to its end."""

import gzip
from typing import Any

import pytest

from tests.catalog_rows import an_image, rows
from tests.fakes.catalog import FakeCatalog
from tests.unit.api.conftest import Api


@pytest.mark.parametrize("method", ["HEAD", "GET"])
@pytest.mark.parametrize("address", ["/images", "/images?limit=5", "/images/nope", "/nope"])
async def test_every_file_is_closed(
    api: Api, catalog: FakeCatalog, monkeypatch: pytest.MonkeyPatch, method: str, address: str
) -> None:
    catalog.fill(rows(images=[an_image(n) for n in range(100)]))
    files = []

    class Kept(gzip.GzipFile):
        """It is not left to the garbage collector."""

        def __init__(self, **arguments: Any) -> None:
            super().__init__(**arguments)
            files.append(self)

    monkeypatch.setattr("litestar.middleware.compression.gzip_facade.GzipFile", Kept)
    answer = await api.client.request(method, address, headers={"Accept-Encoding": "gzip"})
    assert answer.status_code in (200, 404)
    assert [file.closed for file in files] == [True] * len(files)
    assert files or address == "/nope"
