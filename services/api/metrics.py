"""`GET /metrics`: what limits the speed now, for Prometheus.

From what the workers say of themselves in `workers.status`, so one address serves for all of them,
and workers need no port.
"""

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from services.adapters.kafka.tail import Tail
from services.api.workers import KnownWorkers
from services.core.topics import WORKERS_STATUS

CONTENT_TYPE = "text/plain; version=1.0.0; charset=utf-8"
TOPIC = WORKERS_STATUS.name
NEWEST = 5_000
"""Records to begin with: those of the last minute and more, of some hundred workers."""

Workers = NamedDependency[SkipValidation[Tail[KnownWorkers]]]


@get("/metrics", include_in_schema=False)
async def metrics(workers: Workers) -> Response[bytes]:
    """Not in the schema: it is Prometheus' own format, and read by no client of ours."""
    readable = workers.state.trouble is None
    text = f"drivestream_workers_readable {int(readable)}\n".encode()
    return Response(text, headers={"Content-Type": CONTENT_TYPE})
