"""Tables in a terminal: aligned in any script, with nothing cut off that somebody would copy."""

from datetime import UTC, datetime
from urllib.parse import quote

from rich.cells import cell_len

from local.show.images import ListedImage, image_table
from local.show.system import Worker
from local.show.text import columns

AT = datetime(2026, 11, 26, tzinfo=UTC)


def test_columns_are_aligned_in_every_script() -> None:
    names = ("beach.jpg", "\u6d77\u5cb8.jpg", "Cafe\u0301.jpg", "\u202egpj.elif")
    lines = columns(("name", "size", "where"), [(name, 7, "here") for name in names]).splitlines()
    assert {cell_len(line[: line.index("here")]) for line in lines[1:]} == {17}


def test_the_url_of_an_image_is_whole() -> None:
    url = f"http://127.0.0.1:9000/images/{quote(chr(0x6D77) * 80)}.jpg"
    image = ListedImage(1, "a" * 5_000, "1abc", 5, "image/jpeg", url, AT, "image/jpeg")
    line = image_table([image]).splitlines()[1]
    assert line.endswith(url)
    assert len(line) < len(url) + 200


def test_a_worker_tells_of_every_place_where_its_work_is_the_busiest_first() -> None:
    worker = Worker(
        id="transfer-1",
        service="transfer",
        state="running",
        waiting_for=None,
        in_flight=8,
        concurrency=16,
        in_hand={"quota": 0.01, "drive": 1.5, "drive_line": 6.2, "a_new_place": 0.3},
        busy=0.5,
        holds=[],
    )
    assert worker.row()[-1] == "drive_line 6.2 drive 1.5 a_new_place 0.3"
