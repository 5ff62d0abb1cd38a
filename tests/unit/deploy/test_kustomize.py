"""`manifests.py` puts overlays together as kustomize does, where kustomize is installed."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from tests.documents import DOCS, ROOT, blocks, commands
from tests.unit.deploy import manifests

KUSTOMIZE = shutil.which("kustomize")
HASH = re.compile(r"-[0-9a-z]{10}$")
"""kustomize appends it to the name of a config map that it makes, so that pods notice a change."""
pytestmark = pytest.mark.skipif(KUSTOMIZE is None, reason="kustomize is not installed")


def applied() -> list[str]:
    """The folders that the guide has `kubectl apply -k` apply."""
    found = [each for block in blocks(DOCS / "deploy/kubernetes.md") for each in commands(block)]
    return [words[3] for words in found if words[:3] == ["kubectl", "apply", "-k"]]


def built(folder: str) -> list[Any]:
    argv = [str(KUSTOMIZE), "build", str(ROOT / folder)]
    done = subprocess.run(argv, capture_output=True, timeout=50, check=False)
    assert done.returncode == 0, done.stderr
    documents: list[Any] = [msgspec.yaml.decode(each) for each in done.stdout.split(b"\n---\n")]
    return documents


def without_hashes(part: Any) -> Any:
    """With the names of config maps as we write them."""
    if isinstance(part, dict):
        return {key: without_hashes(value) for key, value in part.items()}
    if isinstance(part, list):
        return [without_hashes(each) for each in part]
    return HASH.sub("", part) if isinstance(part, str) else part


def named(resources: list[Any]) -> Iterator[tuple[tuple[str, str], Any]]:
    for each in resources:
        if each["kind"] != "ConfigMap":
            yield (each["kind"], HASH.sub("", each["metadata"]["name"])), without_hashes(each)


@pytest.mark.parametrize("overlay", manifests.OVERLAYS)
def test_an_overlay_is_what_kustomize_builds(overlay: str) -> None:
    whole = built(f"deploy/kubernetes/overlays/{overlay}")
    ours = manifests.build(f"overlays/{overlay}")
    theirs = dict(named(whole))
    assert theirs.keys() == dict(named([*ours.resources])).keys()
    for key, resource in named([*ours.resources]):
        assert theirs[key].get("spec") == resource.get("spec"), key
    config = {
        HASH.sub("", each["metadata"]["name"]): each["data"]
        for each in whole
        if each["kind"] == "ConfigMap"
    }
    assert config == {name: dict(values) for name, values in ours.config.items()}


def test_what_the_guide_applies_is_one_of_them() -> None:
    assert {*applied()} <= {f"deploy/kubernetes/overlays/{each}" for each in manifests.OVERLAYS}
    assert applied()
