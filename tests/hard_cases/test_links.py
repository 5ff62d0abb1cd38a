"""Hard cases 8 and 9: links that need a key, and shortcuts to everything."""

import pytest

from tests.hard_cases.importing import Importer
from tests.rebuilds import Database
from tests.system import link

SAME = ("google_drive_id", "storage_path", "folder_id", "path", "name", "size", "created_at")
"""Of an image's row, what neither a rebuild nor a replay may change."""
pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]


def test_case_8_keys_of_root_folder_file_and_target_are_used(importer: Importer) -> None:
    elsewhere = importer.plant(
        {"path": "aim.jpg", "size": 5_000, "resourceKey": "0-aim", "ref": "aim"}
    )
    aim = importer.drive.refs(elsewhere)["aim"]
    tree = importer.plant(
        {"path": "file.jpg", "size": 5_000, "resourceKey": "0-file"},
        {"path": ["album"], "kind": "folder", "resourceKey": "0-folder"},
        {"path": ["album", "inside.jpg"], "size": 5_000},
        {"path": "shortcut", "kind": "shortcut", "target": aim},
    )
    root = importer.drive.folder_id(tree)
    importer.drive.mutate("set", id=root, resourceKey="0-root")
    report = importer.run(tree, resource_key="0-root")
    assert (report.state, report.counts) == ("completed", (3, 3, 0))
    assert set(report.files) == {"file.jpg", "inside.jpg", "aim.jpg"}


def test_case_8_a_link_without_its_key_fails_with_what_to_do(importer: Importer) -> None:
    tree = importer.plant({"path": "file.jpg", "size": 5_000})
    root = importer.drive.folder_id(tree)
    importer.drive.mutate("set", id=root, resourceKey="0-root")
    report = importer.run(tree)
    assert report.state == "failed"
    assert "resourcekey" in report.row["message"]


def test_case_9_shortcuts_are_followed_once_and_never_in_circles(importer: Importer) -> None:
    tree = importer.plant(
        {"path": ["album", "real.jpg"], "size": 5_000, "ref": "real"},
        {"path": ["album", "back to the root"], "kind": "shortcut", "target": []},
        {"path": ["album", "to itself"], "kind": "shortcut", "target": ["album"]},
        {"path": ["other", "hidden.jpg"], "size": 5_000, "shared": False},
        {"path": ["other", "note.txt"], "kind": "text"},
        {"path": ["other", "gone.jpg"], "size": 5_000, "trashed": True},
        {"path": ["links", "one"], "kind": "shortcut", "target": "real"},
        {"path": ["links", "two"], "kind": "shortcut", "target": "real"},
        {"path": ["links", "to album"], "kind": "shortcut", "target": ["album"]},
        {"path": ["links", "to nothing"], "kind": "shortcut", "target": None},
        {"path": ["links", "to hidden"], "kind": "shortcut", "target": ["other", "hidden.jpg"]},
        {"path": ["links", "to trash"], "kind": "shortcut", "target": ["other", "gone.jpg"]},
        {
            "path": ["links", "stale"],
            "kind": "shortcut",
            "target": ["other", "note.txt"],
            "targetMimeType": "image/jpeg",
        },
    )
    report = importer.run(tree)
    assert (report.state, report.counts) == ("completed", (1, 1, 0))
    fates = report.fates
    assert fates["real.jpg"] == "stored"
    assert fates["back to the root"] == "folder_cycle"
    assert fates["to itself"] == "folder_cycle"
    assert fates["to nothing"] == fates["to hidden"] == "shortcut_dangling"
    assert fates["to trash"] == "trashed"
    assert fates["stale"] == "not_an_image"
    assert len(importer.asked("media")) == 1  # reached five ways, fetched once


def test_case_9_a_shortcut_into_another_tree_brings_its_pictures(importer: Importer) -> None:
    far = importer.plant({"path": ["far", "far.jpg"], "size": 5_000, "ref": "far"})
    folder = importer.drive.folder_id(far)
    tree = importer.plant({"path": "over there", "kind": "shortcut", "target": folder})
    report = importer.run(tree)
    assert (report.state, report.counts) == ("completed", (1, 1, 0))
    assert report.files["far.jpg"]["path"].endswith("far")


def test_case_16_a_file_in_two_folders_is_one_whatever_is_listed_first(importer: Importer) -> None:
    folders = ["A", "B"]
    both = [[name] for name in folders]
    tree = importer.plant(
        *({"path": [name], "kind": "folder", "ref": name} for name in folders),
        *({"path": ["A", f"{n}.jpg"], "size": 5_000, "parents": both} for n in range(20)),
        {"path": ["far", "far.jpg"], "size": 5_000, "ref": "far"},
        *({"path": [name, "link"], "kind": "shortcut", "target": "far"} for name in folders),
    )
    refs, drive = importer.drive.refs(tree), importer.drive
    files = {file["id"] for file in drive.files(tree)}
    assert len(files) == 21

    def rows() -> dict[str, tuple[str, str, str]]:
        images = [importer.system.get(f"/images/{id}") for id in files]
        return {
            x["google_drive_id"]: (x["storage_path"], x["folder_id"], x["path"]) for x in images
        }

    slow = {"do": "latency", "seconds": 1}
    seen = []
    for slower in (refs["A"], refs["B"], refs["A"]):
        drive.fault(slow, kinds=["list"], id=slower, first=1)
        report = importer.run(tree)
        assert report.row["stored"] + report.row["unchanged"] == report.row["found"] == 21
        seen.append(rows())
    for name in folders:  # each by a link of its own
        importer.system.wait_import(importer.system.post_import(link(refs[name])), 120)
        seen.append(rows())
    placed = [{id: row[:2] for id, row in one.items()} for one in seen]
    assert placed == [placed[0]] * len(seen)
    smaller = min(refs["A"], refs["B"])
    assert sum(folder == smaller for _, folder in placed[0].values()) == 20
    for one in seen[:3]:
        del one[refs["far"]]  # two ways lead to its folder, and its path is the one that was found
    assert seen[1] == seen[0] == seen[2]
    moved = next(id for id, row in placed[0].items() if row[1] == smaller)
    drive.mutate("move", id=moved, to=drive.folder_id(tree))
    importer.run(tree)
    kept, root = placed[0][moved][0], drive.folder_id(tree)
    assert rows()[moved][:2] == (kept, root)
    assert len(importer.keys(tree)) == len(importer.asked("media")) == 21


def test_case_16_imports_of_overlapping_folders_at_once_make_one_object_of_a_file(
    importer: Importer,
) -> None:
    inner, outer, other = ["outer", "inner"], ["outer"], ["other"]
    both = [inner, outer, other]
    tree = importer.plant(
        *({"path": path, "kind": "folder", "ref": path[-1]} for path in both),
        *(
            {"path": [*inner, f"{n}.jpg"], "size": 5_000, "parents": both[n % 3 :]}
            for n in range(9)
        ),
        *(
            {"path": [*other, name], "size": 5_000}
            for name in ("a/b.jpg", "a:b.jpg", "..", "ü" * 300)
        ),
    )
    refs, system = importer.drive.refs(tree), importer.system
    files = {str(file["id"]) for file in importer.drive.files(tree)}
    for together in (["inner"], ["outer", "other", "inner"], ["other", "outer"]):
        for job in [system.post_import(link(refs[name])) for name in together]:
            assert importer.report(job).state == "completed"
    assert len(importer.keys(tree)) == len(files) == 13

    def rows() -> list[tuple[str, ...]]:
        images = [system.get(f"/images/{id}") for id in files]
        return sorted(tuple(str(x[name]) for name in SAME) for x in images)

    before = rows()
    code, _, said = Database(system.platform).run()
    assert code == 0, said
    assert rows() == before
    choice = {"select": {"folders": list(refs.values())}, "mode": "all", "transfer": "check"}
    plan = system.post("/replays/plan", choice)[1]
    started = system.post("/replays", {"plan_id": plan["plan_id"], "name": "all", "why": "test"})[1]
    path = f"/replays/{started['replay_id']}"
    system.until(lambda: system.get(path)["state"] == "completed", 120, "the replay did not end")
    assert rows() == before
    assert len(importer.keys(tree)) == len(files)


def test_case_9_a_shortcut_that_cannot_be_looked_up_fails_by_itself(importer: Importer) -> None:
    tree = importer.plant(
        {"path": "here.jpg", "size": 5_000},
        {"path": ["far", "far.jpg"], "size": 5_000, "ref": "far", "shared": True},
    )
    links = importer.plant(
        {"path": "here.jpg", "size": 5_000},
        {"path": "far away", "kind": "shortcut", "target": importer.drive.refs(tree)["far"]},
    )
    refusal = {"do": "refuse", "reason": "insufficientFilePermissions"}
    importer.drive.fault(refusal, kinds=["get"])
    report = importer.run(links)
    assert (report.state, report.counts) == ("completed_with_failures", (2, 1, 1))
    assert report.fates["here.jpg"] == "stored"


def test_case_9_a_pasted_shortcut_is_followed_with_its_targets_key(importer: Importer) -> None:
    far = importer.plant({"path": "far.jpg", "size": 5_000})
    root = importer.drive.folder_id(far)
    importer.drive.mutate("set", id=root, resourceKey="0-far")
    tree = importer.plant(
        {"path": "to a folder", "kind": "shortcut", "target": root, "ref": "folder"},
        {"path": "a file.jpg", "size": 5_000, "ref": "file"},
        {"path": "to a file", "kind": "shortcut", "target": "file", "ref": "to file"},
    )
    refs = importer.drive.refs(tree)
    jobs = {ref: importer.system.post_import(link(refs[ref])) for ref in ("folder", "to file")}
    report = importer.report(jobs["folder"])
    assert (report.state, report.counts) == ("completed", (1, 1, 0))
    assert set(report.files) == {"far.jpg"}
    failed = importer.report(jobs["to file"])
    assert failed.state == "failed"
    assert "a shortcut to a file" in failed.row["message"]


def test_case_9_a_pasted_shared_drive_and_a_shortcut_to_one_are_listed(importer: Importer) -> None:
    drive = importer.grow(3, drive="Team pictures")
    root = importer.drive.folder_id(drive)
    assert root.startswith("0A")
    tree = importer.plant({"path": "to a drive", "kind": "shortcut", "target": root, "ref": "it"})
    jobs = [
        importer.start(drive),
        importer.system.post_import(link(importer.drive.refs(tree)["it"])),
    ]
    first, second = map(importer.report, jobs)
    assert (first.state, first.counts) == ("completed", (3, 3, 0))
    assert (second.state, second.row["found"], second.row["failed"]) == ("completed", 3, 0)
