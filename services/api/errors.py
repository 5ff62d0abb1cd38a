"""Every exception as problem details, through Litestar's plugin.

An unforeseen exception tells the client nothing about the inside; the log has it under the same
request id.
"""

from typing import Any

import structlog
from litestar.exceptions import HTTPException, ValidationException
from litestar.plugins.problem_details import ProblemDetailsConfig, ProblemDetailsPlugin

from services.api.problems import KINDS, ParameterFault, Problem
from services.core.errors import SetAside, TryAgain, Verdict

RETRY_SECONDS = 5.0
BY_STATUS = {
    404: ("not_found", "Nothing is at this address. /schema lists all addresses."),
    405: ("method_not_allowed", "Use one of the methods in the Allow header."),
    413: ("body_too_large", "The body is larger than any request needs."),
}
log = structlog.get_logger()


def _of_verdict(why: Verdict) -> Problem:
    if isinstance(why, SetAside):
        return Problem("bad_parameter", why.message)
    code = why.reason if why.reason in KINDS else "unavailable"
    wait = why.retry_after if isinstance(why, TryAgain) else None
    return Problem(code, why.message, retry_after=wait or RETRY_SECONDS)


def _of_validation(why: ValidationException) -> Problem:
    found = why.extra if isinstance(why.extra, list) else []
    faults = [
        ParameterFault(str(f.get("key", "")), str(f.get("message", "")).replace("`", ""))
        for f in found
        if isinstance(f, dict)
    ]
    said = "; ".join(f"{fault.parameter}: {fault.detail}" for fault in faults)
    return Problem("bad_parameter", said or "A parameter is not valid.", errors=faults)


def _of_http(why: HTTPException) -> Problem:
    if why.status_code >= 500:
        return _of_unforeseen(why)
    bad_request = ("bad_request", "The request is not valid HTTP.")
    code, detail = BY_STATUS.get(why.status_code, bad_request)
    return Problem(code, detail, allow=(why.headers or {}).get("allow"))


def _of_unforeseen(_why: Exception) -> Problem:
    log.exception("request.unforeseen")
    return Problem("internal_error", "This is a bug. The log has details under the request id.")


CONVERSIONS: dict[type[Any], Any] = {
    Verdict: _of_verdict,
    ValidationException: _of_validation,
    HTTPException: _of_http,
    Exception: _of_unforeseen,
}
PROBLEM_DETAILS = ProblemDetailsPlugin(
    ProblemDetailsConfig(exception_to_problem_detail_map=CONVERSIONS)
)
