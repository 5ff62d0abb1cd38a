"""The list of an image's Debian packages."""

from local.dependencies.image_packages import document

SAID = "debian 13\nlibc6 2.41-12 amd64\nlibstdc++6 14.2.0-19 amd64\npasswd 1:4.17.4-2 amd64\n"


def test_each_package_is_named_as_scanners_know_it() -> None:
    said = document("drivestream-services:dev", SAID)
    assert (said["bomFormat"], said["specVersion"]) == ("CycloneDX", "1.5")
    assert said["metadata"]["component"]["name"] == "drivestream-services:dev"
    assert [part["purl"] for part in said["components"]] == [
        "pkg:deb/debian/libc6@2.41-12?arch=amd64&distro=debian-13",
        "pkg:deb/debian/libstdc%2B%2B6@14.2.0-19?arch=amd64&distro=debian-13",
        "pkg:deb/debian/passwd@1%3A4.17.4-2?arch=amd64&distro=debian-13",
    ]
