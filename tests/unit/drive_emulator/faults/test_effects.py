"""Effects on single responses: refused, late, broken, wrong."""

import asyncio
import time
from typing import Any

import httpx
import pytest

from drive_emulator.http.errors import PRESETS
from drive_emulator.http.messages import Disconnected
from drive_emulator.tree.store import TreeStore
from drive_emulator.tree.tree import Tree
from tests.fakes.patience import until
from tests.unit.drive_emulator.clients import InProcessEmulator, reason

WHOLE = 5_000  # bytes of every picture


@pytest.fixture
def drive(store: TreeStore, small: Tree) -> InProcessEmulator:
    return InProcessEmulator(store, small)


@pytest.mark.parametrize("name", PRESETS)
async def test_every_preset_can_be_sent(drive: InProcessEmulator, name: str) -> None:
    drive.fault("refuse", reason=name, style="classic")
    preset = PRESETS[name]
    assert reason(await drive.media())[:2] == (preset.status, preset.reason)
    counts = drive.state.log.counts()["answers"]["media"]
    assert counts == {f"{preset.status} {preset.reason}": 1}


@pytest.mark.parametrize(
    ("style", "kind"),
    [
        ("classic", "application/json; charset=UTF-8"),
        ("v2", "application/json; charset=UTF-8"),
        ("details", "application/json; charset=UTF-8"),
        ("html", "text/html; charset=UTF-8"),
        ("empty", None),
    ],
)
async def test_a_refusal_can_have_any_style(
    drive: InProcessEmulator, style: str, kind: str | None
) -> None:
    drive.fault("refuse", reason="userRateLimitExceeded", style=style)
    answer = await drive.media()
    assert answer.status_code == 403
    assert answer.headers.get("content-type") == kind
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert (answer.content == b"") is (style == "empty")


async def test_a_refusal_can_have_its_own_reason_and_message(drive: InProcessEmulator) -> None:
    drive.fault("refuse", reason="teapot", status=418, message="Short and stout")
    answer = await drive.media()
    assert reason(answer)[:2] == (418, "teapot")
    assert answer.json()["error"]["message"] == "Short and stout"


@pytest.mark.parametrize(("wait", "header"), [("none", None), ("seconds", "7")])
async def test_a_refusal_can_have_a_retry_after(
    drive: InProcessEmulator, wait: str, header: str | None
) -> None:
    drive.fault("refuse", reason="rateLimitExceeded", retry_after=wait, retry_after_s=7)
    assert (await drive.media()).headers.get("retry-after") == header


async def test_an_error_can_have_status_200(drive: InProcessEmulator) -> None:
    drive.fault("refuse", reason="rateLimitExceeded", status=200)
    answer = await drive.media()
    assert answer.status_code == 200
    assert answer.json()["error"]["code"] == 403


async def test_an_html_page_can_have_status_200(drive: InProcessEmulator) -> None:
    drive.fault("refuse", reason="automatedQueries", status=200)
    answer = await drive.media()
    assert (answer.status_code, answer.text[:6]) == (200, "<html>")


async def test_an_exceeded_download_quota_lasts_for_a_day(
    drive: InProcessEmulator,
) -> None:
    drive.fault("refuse", {"kinds": ["media"], "times": 1}, reason="downloadQuotaExceeded")
    assert reason(await drive.media())[:2] == (403, "downloadQuotaExceeded")
    drive.state.clock.advance(86_000)
    assert (await drive.media()).status_code == 403
    assert (await drive.media(1)).status_code == 200
    assert (await drive.get()).status_code == 200
    drive.state.clock.advance(500)
    assert (await drive.media()).status_code == 200


async def test_any_refusal_can_be_sticky(drive: InProcessEmulator) -> None:
    drive.fault("refuse", {"first": 1}, reason="backendError", sticky_s=10)
    statuses = [(await drive.media(number)).status_code for number in (0, 1, 0)]
    assert statuses == [500, 200, 500]


@pytest.mark.parametrize(
    "spread", [{}, {"spread": "uniform", "to_s": 0.06}, {"spread": "lognormal", "to_s": 0.06}]
)
async def test_a_response_can_be_delayed(drive: InProcessEmulator, spread: dict[str, Any]) -> None:
    drive.fault("latency", {"seed": 3}, seconds=0.03, **spread)
    began = time.monotonic()
    assert (await drive.media()).status_code == 200
    assert 0.01 < time.monotonic() - began < 30


async def test_a_delay_ends_with_its_rule_and_that_of_another_rule_goes_on(
    drive: InProcessEmulator,
) -> None:
    rules = [drive.fault("latency", {"kinds": [kind]}, seconds=600) for kind in ("media", "get")]
    media, other = asyncio.ensure_future(drive.media()), asyncio.ensure_future(drive.get())
    await until(lambda: all(rule.hits for rule in rules))
    assert drive.state.faults.remove(rules[0].number)
    assert (await media).status_code == 200
    assert not other.done()
    drive.state.faults.clear()
    assert (await other).status_code == 200


async def test_a_truncated_body_can_announce_its_own_length(drive: InProcessEmulator) -> None:
    drive.fault("truncate", {}, after_bytes=1_234, length="right")
    answer = await drive.media()
    assert answer.headers["content-length"] == "1234"
    assert len(answer.content) == 1_234


async def test_a_truncated_body_can_announce_more_and_close(
    drive: InProcessEmulator,
) -> None:
    drive.fault("truncate", after_bytes=1_234)
    with pytest.raises(Disconnected):
        await drive.media()
    [line] = drive.state.log.lines()
    assert (line.status, line.size) == (200, 1_234)


@pytest.mark.parametrize("length", ["right", "wrong"])
async def test_a_shorter_body_is_not_truncated(drive: InProcessEmulator, length: str) -> None:
    drive.fault("truncate", after_bytes=WHOLE, length=length)
    assert len((await drive.media()).content) == WHOLE


async def test_json_may_end_in_the_middle(drive: InProcessEmulator) -> None:
    plain = (await drive.listed()).content
    drive.fault("truncate", {"kinds": ["list"]}, share=0.5, length="right")
    answer = await drive.listed()
    assert answer.status_code == 200
    assert answer.content == plain[: len(plain) // 2]
    with pytest.raises(ValueError, match=r".*"):
        answer.json()


@pytest.mark.parametrize("effect", [{}, {"after_bytes": 100}])
async def test_a_reset_breaks_the_response(
    drive: InProcessEmulator, effect: dict[str, Any]
) -> None:
    drive.fault("reset", **effect)
    with pytest.raises(Disconnected):
        await drive.media()
    [line] = drive.state.log.lines()
    assert (line.status, line.size) == ((200, 100) if effect else (0, 0))


async def test_a_stalled_body_continues_after_a_while(drive: InProcessEmulator) -> None:
    plain = (await drive.media()).content
    drive.fault("stall", after_bytes=100, seconds=0.03)
    began = time.monotonic()
    assert (await drive.media()).content == plain
    assert time.monotonic() - began >= 0.03


@pytest.mark.parametrize("offset", [0, 1_000, 4_999])
async def test_one_bit_is_wrong(drive: InProcessEmulator, offset: int) -> None:
    plain = (await drive.media()).content
    drive.fault("flip", offset=offset, bit=6)
    control_error = (await drive.media()).content
    differing = [n for n in range(WHOLE) if plain[n] != control_error[n]]
    assert differing == [offset]
    assert plain[offset] ^ control_error[offset] == 64


async def test_the_wrong_bit_is_at_its_place_in_every_range(drive: InProcessEmulator) -> None:
    plain = (await drive.media()).content
    drive.fault("flip", offset=1_000)
    before = await drive.media(range="bytes=0-999")
    within = await drive.media(range="bytes=990-1009")
    assert before.content == plain[:1_000]
    assert within.content[10] == plain[1_000] ^ 1


@pytest.mark.parametrize(("by", "length"), [(-10, 90), (10, 110), (-1_000, 0)])
async def test_a_part_may_have_another_length(
    drive: InProcessEmulator, by: int, length: int
) -> None:
    drive.fault("wrong_part", by=by)
    part = await drive.media(range="bytes=0-99")
    assert part.status_code == 206
    assert part.headers["content-range"] == f"bytes 0-99/{WHOLE}"
    assert len(part.content) == length
    assert len((await drive.media()).content) == WHOLE


async def test_a_range_may_be_ignored(drive: InProcessEmulator) -> None:
    drive.fault("ignore_range")
    answer = await drive.media(range="bytes=0-99")
    assert (answer.status_code, len(answer.content)) == (200, WHOLE)


async def test_a_416_can_lack_the_size(drive: InProcessEmulator) -> None:
    drive.fault("bare_416")
    answer = await drive.media(range="bytes=9999-")
    assert reason(answer)[:2] == (416, "requestedRangeNotSatisfiable")
    assert "content-range" not in answer.headers
    drive.state.faults.clear()
    assert "content-range" in (await drive.media(range="bytes=9999-")).headers


async def test_a_gzip_response_can_be_noise(drive: InProcessEmulator) -> None:
    drive.fault("gzip_garbage")
    with pytest.raises(httpx.DecodingError):
        await drive.media()


async def test_head_survives_every_effect_on_bodies(drive: InProcessEmulator) -> None:
    for do in ("flip", "wrong_part", "gzip_garbage", "stall"):
        rule = drive.fault(do)
        url = f"/drive/v3/files/{drive.picture().id}"
        answer = await drive.client.head(url, params={"alt": "media"})
        assert (answer.status_code, answer.content) == (200, b""), do
        drive.state.faults.remove(rule.number)


async def test_a_not_found_refusal_names_the_file(drive: InProcessEmulator) -> None:
    drive.fault("refuse", reason="notFound")
    answer = await drive.media()
    assert answer.json()["error"]["message"] == f"File not found: {drive.picture().id}."
