"""`GET /metrics`: requests to the API, for Prometheus. Each worker has an endpoint of its own."""

from litestar.plugins.prometheus import PrometheusConfig, PrometheusController

# By route, not by path: ids in paths would make a new series each. Litestar's middleware does not
# see requests that no route takes, so scanners make no series either.
PROMETHEUS = PrometheusConfig(
    app_name="drivestream",
    prefix="drivestream_api",
    group_path=True,
    exclude_unhandled_paths=True,
    exclude=["^/metrics$", "^/health/"],
)


class Metrics(PrometheusController):
    """Not in the OpenAPI document, since the format is Prometheus' own."""

    include_in_schema = False
