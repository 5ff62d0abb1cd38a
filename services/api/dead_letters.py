"""The records that could not be read."""

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from services.adapters.kafka.dead_letters import DeadLetter, DeadLetterReader
from services.adapters.kafka.errors import KafkaUnavailableError
from services.api.keys import READ, SCOPE
from services.api.lists import DEFAULT_PAGE, Cursor, Limit, key_of, page_of
from services.api.problems import AnyRequest, Problem, problem_specs


@get(
    "/dead-letters",
    opt={SCOPE: READ},
    summary="List the records that could not be read, newest first",
    responses=problem_specs("bad_parameter", "bad_cursor", "kafka_unavailable"),
)
async def list_dead_letters(
    request: AnyRequest,
    letters: NamedDependency[SkipValidation[DeadLetterReader]],
    limit: Limit = DEFAULT_PAGE,
    cursor: Cursor = None,
) -> Response[list[DeadLetter]]:
    """Where each came from, when, why, and the beginning of its bytes. A page, with
    `Link: <…>; rel="next"` if more follow."""
    before = key_of(cursor, "dead-letters", int)
    try:
        rows = await letters.newest(before=before, limit=limit + 1)
    except KafkaUnavailableError as why:
        detail = (
            "Kafka is not responding, so the dead letters cannot be read. Send the request again "
            "later."
        )
        raise Problem("kafka_unavailable", detail, {"Retry-After": "5"}) from why
    return page_of(rows, limit, request, "dead-letters", lambda letter: letter.number)
