"""What decides whether the page is built anew."""

from pathlib import Path

import pytest

from local.toolchains.fetching import FetchError
from local.toolchains.page import (
    CLOSED_TO_NODE,
    copy_sources,
    digest,
    page_folder,
    sources,
)


def a_page(folder: Path) -> Path:
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "main.tsx").write_text("one")
    (folder / "index.html").write_text("two")
    return folder


def test_what_the_build_writes_and_does_not_read_is_no_source(tmp_path: Path) -> None:
    page = a_page(tmp_path)
    for other in ("node_modules", "dist", "test", "e2e", ".vite"):
        (page / other).mkdir()
        (page / other / "file.ts").write_text("x")
    assert [path.name for path in sources(page)] == ["index.html", "main.tsx"]


def test_any_change_of_a_source_is_noticed(tmp_path: Path) -> None:
    page = a_page(tmp_path)
    before = digest(sources(page))
    assert digest(sources(page)) == before
    (page / "src" / "main.tsx").write_text("One")
    changed = digest(sources(page))
    (page / "src" / "more.tsx").write_text("")
    assert len({before, changed, digest(sources(page))}) == 3


def test_a_page_that_node_cannot_open_is_built_elsewhere(tmp_path: Path) -> None:
    assert page_folder(Path("/home/été, d'x/web")) == Path("/home/été, d'x/web")
    elsewhere = {page_folder(Path(f"/home/{name}/web")) for name in ("DOMAIN\\me", "a?b", "a:b")}
    assert len(elsewhere) == 3
    assert not any(CLOSED_TO_NODE.search(str(path)) for path in elsewhere)


def test_the_copy_of_a_page_has_its_sources_and_no_others(tmp_path: Path) -> None:
    page, copy = a_page(tmp_path / "page"), tmp_path / "copy"
    copy_sources(page, copy)
    (copy / "node_modules").mkdir()
    (page / "src" / "main.tsx").rename(page / "src" / "app.tsx")
    copy_sources(page, copy)
    assert digest(sources(copy)) == digest(sources(page))
    assert (copy / "node_modules").is_dir()


def test_no_page_is_built_in_a_folder_that_others_can_write_to(tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir(mode=0o700)
    (tmp_path / "copy").chmod(0o777)
    (tmp_path / "link").symlink_to(tmp_path)
    for name in ("copy", "link"):
        with pytest.raises(FetchError, match="was not created by Drivestream"):
            copy_sources(a_page(tmp_path / f"page of {name}"), tmp_path / name)
