"""`python -m services.loaded`: load all that any service may load, and print the version.

The build of the image does so: it writes the byte code of what is used, which a read-only file
system could not keep, and fails where a library does not load.
"""

import sys
from importlib import import_module
from pkgutil import walk_packages

import services
from services.core.version import VERSION

LATER = (
    *(
        "alembic.command",
        "botocore.session",
        "botocore.credentials",
        "sqlalchemy.dialects.postgresql",
    ),
    *("uvicorn.loops.uvloop", "uvicorn.protocols.http.httptools_impl"),
    *("uvicorn.lifespan.on", "psycopg_binary", "encodings.idna"),
)
"""What libraries load when it is first used."""
PICTURES = ("avif", "jpg", "jpg_2000", "libtiff", "littlecms2", "webp", "zlib")
"""What Pillow needs for thumbnails. It says nothing when it begins without one of them."""


def main() -> None:
    for module in walk_packages(services.__path__, "services."):
        if ".migrations" not in module.name:
            import_module(module.name)
    for name in LATER:
        import_module(name)
    import_module("services.api.routes").openapi_document()  # litestar's plugins, and its schema
    import_module("PIL.Image").init()
    features = import_module("PIL.features")
    if missing := [name for name in PICTURES if not features.check(name)]:
        raise ImportError(f"Pillow has no {', '.join(missing)}.")
    sys.stdout.write(f"{VERSION}\n")


if __name__ == "__main__":
    main()
