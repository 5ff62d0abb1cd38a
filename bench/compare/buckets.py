"""Buckets for one run each: made empty, checked, and removed with all that is in them."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from minio import Minio
from minio.deleteobjects import DeleteObject

from bench.compare.workloads import Workload


@contextmanager
def bucket_of_its_own(store: Minio) -> Iterator[str]:
    """An empty bucket's name."""
    name = f"bench-{uuid4().hex[:12]}"
    store.make_bucket(name)
    try:
        yield name
    finally:
        empty(store, name)
        store.remove_bucket(name)


def empty(store: Minio, bucket: str) -> None:
    """Delete every object; `SystemExit` if the store refuses."""
    found = store.list_objects(bucket, recursive=True)
    names = (DeleteObject(each.object_name) for each in found if each.object_name)
    for error in store.remove_objects(bucket, names):
        raise SystemExit(str(error))


def insist_on(store: Minio, bucket: str, workload: Workload) -> None:
    """`SystemExit` unless the bucket holds all objects with all their bytes."""
    sizes = [each.size or 0 for each in store.list_objects(bucket, recursive=True)]
    if (len(sizes), sum(sizes)) != (workload.files, workload.bytes):
        raise SystemExit(f"{len(sizes)} objects with {sum(sizes)} bytes instead of {workload}")
