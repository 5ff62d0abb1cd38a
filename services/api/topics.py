"""What passes through a topic: its newest events, as they lie in the log."""

from typing import Annotated

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter, SkipValidation

from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.kafka.newest import NewestReader, TopicEvent
from services.api.keys import READ, SCOPE
from services.api.problems import Problem, problem_specs
from services.core.topics import BY_NAME

MOST, DEFAULT = 50, 20


@get(
    "/topics/{name:str}/events",
    opt={SCOPE: READ},
    summary="List the newest events of a topic, newest first",
    responses=problem_specs("bad_parameter", "unknown_topic", "kafka_unavailable"),
)
async def list_topic_events(
    name: FromPath[str],
    topics: NamedDependency[SkipValidation[NewestReader]],
    limit: Annotated[
        int, QueryParameter(ge=1, le=MOST, description="How many events, of all partitions.")
    ] = DEFAULT,
) -> list[TopicEvent]:
    """Where each lies, when it was written, its key, its headers, and the first 64 KiB of its
    value. Resource keys and page tokens are left out."""
    if name not in BY_NAME:
        detail = f"There is no topic with this name. The topics are: {', '.join(BY_NAME)}."
        raise Problem("unknown_topic", detail)
    try:
        return list(await topics.newest(name, limit))
    except KafkaUnavailableError as why:
        detail = "Kafka is not responding, so the events cannot be read. Try again later."
        raise Problem("kafka_unavailable", detail, {"Retry-After": "5"}) from why
