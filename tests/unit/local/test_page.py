"""What decides whether the page is built anew."""

from pathlib import Path

from local.toolchains.page import digest, sources


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
