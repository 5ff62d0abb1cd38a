"""`python -m local.dependencies.image_packages` (`make sbom-images`): what the operating system
brings into our images, as CycloneDX, in build/sbom. They must have been built (`make image`).
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from local.dependencies.sbom import OUT, VERSION
from local.paths import CHECKOUT

IMAGES: Mapping[str, str] = {
    "services-image": "drivestream-services:dev",
    "page-image": "drivestream-web:dev",
}
LIST = (
    ". /etc/os-release; echo $ID $VERSION_ID; "
    r"dpkg-query -W -f '${Package} ${Version} ${Architecture}\n'"
)
TIMEOUT = 120


def main() -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    for name, image in IMAGES.items():
        packages = document(image, installed(image))
        path = OUT / f"{name}.cdx.json"
        path.write_text(json.dumps(packages, indent=2) + "\n")
        sys.stdout.write(f"{path.relative_to(CHECKOUT)}: {len(packages['components'])} parts\n")


def installed(image: str) -> str:
    """The distribution, and a line for each package."""
    docker = ["docker", "run", "--rm", "--network", "none", "--entrypoint", "sh", image, "-c", LIST]
    done = subprocess.run(docker, check=True, stdout=subprocess.PIPE, text=True, timeout=TIMEOUT)
    return done.stdout


def document(image: str, said: str) -> dict[str, Any]:
    first, *lines = said.splitlines()
    distribution, version = first.split()
    return {
        "bomFormat": "CycloneDX",
        "specVersion": VERSION,
        "version": 1,
        "metadata": {"component": {"type": "container", "name": image}},
        "components": [_component(line, distribution, version) for line in lines],
    }


def _component(line: str, distribution: str, of: str) -> dict[str, str]:
    name, version, architecture = line.split()
    # A purl has its version percent-encoded; Debian's use no other characters that need it.
    encoded = version.replace("+", "%2B").replace(":", "%3A")
    where = f"arch={architecture}&distro={distribution}-{of}"
    purl = f"pkg:deb/{distribution}/{name.replace('+', '%2B')}@{encoded}?{where}"
    return {"type": "library", "name": name, "version": version, "purl": purl, "bom-ref": purl}


if __name__ == "__main__":
    main()
