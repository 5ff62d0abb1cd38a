"""MinIO on one machine: a real S3-compatible server with one drive, and its console."""

from local.run.processes import Command
from local.servers.credentials import password
from local.servers.health import answers
from local.servers.ports import LOOPBACK
from local.servers.server import Place, Server, nothing_to_prepare, plain_env
from local.toolchains.minio_binary import minio_binary

USER = "drivestream"


def minio(place: Place) -> Server:
    """The server, with its objects in DATA_DIR/minio; MINIO_PORT and MINIO_CONSOLE_PORT move it."""
    port = place.port("MINIO_PORT", 29000, "MinIO")
    console = place.port("MINIO_CONSOLE_PORT", 29001, "MinIO's console")
    secret = password(place.data_dir, "minio")
    folder = place.folder("minio")
    own = {"MINIO_ROOT_USER": USER, "MINIO_ROOT_PASSWORD": secret, "MINIO_UPDATE": "off"}
    argv = (minio_binary(place.env), "server", "--quiet", "--address", f"{LOOPBACK}:{port}")
    url = f"http://{LOOPBACK}:{port}"
    return Server(
        command=Command(
            name="minio",
            argv=(*argv, "--console-address", f"{LOOPBACK}:{console}", str(folder)),
            env=plain_env(place.env) | own,
            cwd=folder,
        ),
        prepare=nothing_to_prepare,
        missing=lambda: answers("MinIO", f"{url}/minio/health/ready"),
        gives={
            "S3_ENDPOINT_URL": url,
            "S3_CONSOLE_URL": f"http://{LOOPBACK}:{console}",
            "AWS_ACCESS_KEY_ID": USER,
            "AWS_SECRET_ACCESS_KEY": secret,
        },
    )
