"""Logs stay bounded, while their writers go on."""

from pathlib import Path

from local.run.logs import keep_previous, truncate_long


def test_a_start_keeps_the_last_run_s_log_and_no_older_one(tmp_path: Path) -> None:
    for text in ("first", "second"):
        (tmp_path / "api.log").write_text(text)
        keep_previous(tmp_path)
    assert (tmp_path / "api.previous.log").read_text() == "second"
    assert not (tmp_path / "api.log").exists()


def test_a_first_start_has_nothing_to_keep(tmp_path: Path) -> None:
    keep_previous(tmp_path / "not-there")
    assert not (tmp_path / "not-there").exists()


def test_a_log_that_grows_too_long_is_cut_and_its_writer_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "kafka.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"x" * 20)
        truncate_long([log], max_bytes=10)
        writer.write(b"after")
    assert log.read_text() == "after"
    assert (tmp_path / "kafka.previous.log").read_text() == "x" * 20


def test_a_log_that_is_short_or_not_there_is_left_alone(tmp_path: Path) -> None:
    log = tmp_path / "kafka.log"
    log.write_text("short")
    truncate_long([log, tmp_path / "none.log"], max_bytes=10)
    assert log.read_text() == "short"
    assert list(tmp_path.iterdir()) == [log]
