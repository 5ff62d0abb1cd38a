"""Every exception as problem+json. What is not foreseen says nothing of the inside but its id."""

from collections.abc import Mapping
from math import ceil

import structlog
from litestar import Request, Response
from litestar.datastructures import State
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi.datastructures import ResponseSpec
from litestar.types import ExceptionHandlersMap

from services.api.problems import (
    INTERNAL,
    KINDS,
    MEDIA_TYPE,
    ParameterFault,
    Problem,
    ProblemBody,
    by_status,
)
from services.core.errors import SetAside, TryAgain, Verdict

AnyRequest = Request[object, object, State]

log = structlog.get_logger()


def problem_responses(*codes: str) -> Mapping[int, ResponseSpec]:
    """For OpenAPI: the problems that a route may answer with, one entry per status."""
    by_number: dict[int, list[str]] = {}
    for code in codes:
        by_number.setdefault(KINDS[code].status, []).append(code)
    return {
        status: ResponseSpec(
            data_container=ProblemBody,
            description="; ".join(f"`{code}`: {KINDS[code].title}" for code in named),
            media_type=MEDIA_TYPE,
            generate_examples=False,
        )
        for status, named in by_number.items()
    }


def _problem(request: AnyRequest, why: Problem) -> Response[ProblemBody]:
    headers = {} if why.retry_after is None else {"Retry-After": str(ceil(why.retry_after))}
    return Response(
        why.body(request.url.path[:200], request.scope["state"].get("request_id")),
        status_code=why.kind.status,
        media_type=MEDIA_TYPE,
        headers=headers,
    )


def _verdict(request: AnyRequest, why: Verdict) -> Response[ProblemBody]:
    if isinstance(why, SetAside):
        return _problem(request, Problem("bad_parameter", why.message))
    code = why.reason if why.reason in KINDS else "unavailable"
    wait = why.retry_after if isinstance(why, TryAgain) else None
    return _problem(request, Problem(code, why.message, retry_after=wait or 5))


def _validation(request: AnyRequest, why: ValidationException) -> Response[ProblemBody]:
    found = why.extra if isinstance(why.extra, list) else []
    faults = [
        ParameterFault(str(f.get("key", "")), str(f.get("message", "")).replace("`", ""))
        for f in found
        if isinstance(f, dict)
    ]
    said = "; ".join(f"{fault.parameter}: {fault.detail}" for fault in faults)
    return _problem(
        request, Problem("bad_parameter", said or "A parameter is not valid.", errors=faults)
    )


def _http(request: AnyRequest, why: HTTPException) -> Response[ProblemBody]:
    response = _problem(request, by_status(why.status_code))
    allow = (why.headers or {}).get("allow")
    if allow:
        response.headers["Allow"] = allow
    return response


def _unforeseen(request: AnyRequest, _why: Exception) -> Response[ProblemBody]:
    request_id = request.scope["state"].get("request_id")
    log.exception("request.unforeseen", request_id=request_id, path=request.url.path[:200])
    return _problem(request, Problem("internal_error", INTERNAL))


HANDLERS: ExceptionHandlersMap = {
    Problem: _problem,
    Verdict: _verdict,
    ValidationException: _validation,
    HTTPException: _http,
    Exception: _unforeseen,
}
