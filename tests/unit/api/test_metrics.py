"""`GET /metrics`: requests to the API, by route."""

import httpx
from prometheus_client.parser import text_string_to_metric_families

from services.core.errors import TryAgain
from services.core.topics import DEAD_LETTERS
from services.core.wire import Record
from tests.catalog_rows import an_image, rows
from tests.unit.api.conftest import Api
from tests.unit.test_docs import COUNTED, described_metrics

COUNT = "drivestream_api_requests_total"


def counted(answer: httpx.Response) -> dict[tuple[str, str, str], float]:
    """Requests by method, route and status."""
    return {
        (s.labels["method"], s.labels["path"], s.labels["status_code"]): s.value
        for family in text_string_to_metric_families(answer.text)
        for s in family.samples
        if s.name == COUNT
    }


async def scraped(api: Api) -> dict[tuple[str, str, str], float]:
    answer = await api.client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return counted(answer)


async def test_requests_are_counted_by_route_and_not_by_path(api: Api) -> None:
    api.catalog.fill(rows(images=[an_image(n) for n in range(5)]))
    route = ("GET", "/images/{google_drive_id}", "200")
    before = (await scraped(api)).get(route, 0)
    for number in range(5):
        assert (await api.client.get(f"/images/file-{number:04}")).status_code == 200
    after = await scraped(api)
    assert after[route] == before + 5
    assert not [path for _, path, _ in after if "file-" in path]


async def test_errors_are_counted_with_their_status(api: Api) -> None:
    api.catalog.trouble = TryAgain("database_unavailable", "The database is not responding.")
    route = ("GET", "/imports", "503")
    before = (await scraped(api)).get(route, 0)
    await api.client.get("/imports")
    assert (await scraped(api))[route] == before + 1


async def test_every_metric_is_described(api: Api) -> None:
    api.catalog.trouble = TryAgain("database_unavailable", "The database does not answer.")
    assert (await api.client.get("/imports")).status_code == 503
    text = (await api.client.get("/metrics")).text
    families = [f for f in text_string_to_metric_families(text) if f.name.startswith("drivestream")]
    served = {family.name + COUNTED.get(family.type, "") for family in families}
    assert served == set(described_metrics("The API serves"))
    (build,) = (s for f in families for s in f.samples if s.name == "drivestream_build_info")
    assert build.labels["version"] == "0.1.0"


async def test_dead_letters_are_those_that_the_log_holds(api: Api) -> None:
    await api.log.append([Record(topic=DEAD_LETTERS.name, key=b"k", value=b"no event")] * 3)
    api.forget_lag()
    await api.client.get("/system")
    text = (await api.client.get("/metrics")).text
    assert "drivestream_dead_letters 3.0" in text.splitlines()


async def test_addresses_that_do_not_exist_make_no_series(api: Api) -> None:
    for number in range(5):
        await api.client.get(f"/wp-admin/{number}.php")
    assert not [path for _, path, _ in await scraped(api) if "wp-admin" in path]


async def test_it_is_not_in_the_openapi_document(api: Api) -> None:
    assert "/metrics" not in (await api.client.get("/schema/openapi.json")).text
