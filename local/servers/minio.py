"""MinIO: an S3-compatible store with one drive, and its web console."""

from local.environment import for_programs
from local.servers.credentials import password
from local.servers.health import http_problem
from local.servers.ports import LOOPBACK
from local.servers.server import Command, Context, Server
from local.settings import OF_STORE
from local.toolchains.minio_binary import minio_binary

USER = "drivestream"


def minio(context: Context) -> Server:
    """The store, with its objects in DATA_DIR/minio. MINIO_PORT, MINIO_CONSOLE_PORT set ports."""
    port = context.ports.claim("MINIO_PORT", 29000, "MinIO")
    console = context.ports.claim("MINIO_CONSOLE_PORT", 29001, "MinIO's console")
    secret = password(context.data_dir, "minio")
    # Relative, since dots and braces in a path would stand for many drives.
    folder = context.folder("minio").name
    # It makes a folder in its home, and uses the certificates that it finds there.
    home = str(context.folder("minio-home").absolute())
    own = {"MINIO_ROOT_USER": USER, "MINIO_ROOT_PASSWORD": secret, "MINIO_UPDATE": "off"}
    argv = (minio_binary(context.env), "server", "--quiet", "--address", f"{LOOPBACK}:{port}")
    url = f"http://{LOOPBACK}:{port}"
    return Server(
        command=Command(
            name="minio",
            argv=(*argv, "--console-address", f"{LOOPBACK}:{console}", folder),
            env=for_programs(context.env) | own | {"HOME": home},
            cwd=context.data_dir,
        ),
        not_ready=lambda: http_problem("MinIO", f"{url}/minio/health/ready"),
        settings=dict.fromkeys(OF_STORE, "")
        | {
            "S3_ENDPOINT_URL": url,
            "S3_CONSOLE_URL": f"http://{LOOPBACK}:{console}",
            "AWS_ACCESS_KEY_ID": USER,
            "AWS_SECRET_ACCESS_KEY": secret,
        },
    )
