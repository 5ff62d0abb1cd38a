"""What a person reads at the end, and the same as JSON."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.fire.checks.verdict import Verdict
from tests.fire.history import History

SHOWN = 8


def document(
    history: History, verdicts: Sequence[Verdict], about: Mapping[str, object]
) -> Mapping[str, Any]:
    faults = Counter(f"{it['kind']} {it['target']}" for it in history.of("fault"))
    asked = Counter(it["why"] for it in history.of("import"))
    asked.update(it["word"] for it in history.of("asked"))
    return {
        **about,
        "faults": dict(sorted(faults.items())),
        "thrown": faults.total(),
        "not_thrown": len(history.of("not_thrown")),
        "asked": dict(sorted(asked.items())),
        "holds": all(each.holds for each in verdicts),
        "properties": [
            {
                "name": each.name,
                "holds": each.holds,
                "counted": each.counted,
                "wrong": list(each.wrong),
            }
            for each in verdicts
        ],
    }


def text(report: Mapping[str, Any]) -> str:
    lines = ["", f"{report['thrown']} faults were thrown:"]
    lines += [f"  {count:4}  {name}" for name, count in report["faults"].items()]
    lines += ["", "Asked for:"]
    lines += [f"  {count:4}  {name}" for name, count in report["asked"].items()]
    lines += ["", *_about(report), ""]
    for each in report["properties"]:
        lines.append(f"{'PASS ' if each['holds'] else 'WRONG'}  {each['name']}: {each['counted']}")
        lines += [f"         {wrong[:400]}" for wrong in each["wrong"][:SHOWN]]
        if (more := len(each["wrong"]) - SHOWN) > 0:
            lines.append(f"         … and {more} more, in the report")
    lines += ["", f"History, logs and report: {report['folder']}"]
    lines.append("All properties hold." if report["holds"] else "NOT ALL PROPERTIES HOLD.")
    return "\n".join(lines) + "\n"


def write(report: Mapping[str, Any], folder: Path) -> Path:
    path = folder / "report.json"
    path.write_text(json.dumps(report, indent=1, default=str) + "\n")
    return path


def _about(report: Mapping[str, Any]) -> Sequence[str]:
    names = ("seed", "minutes", "imports", "files", "objects", "records", "seconds")
    return [f"  {name}: {report[name]}" for name in names if name in report]
