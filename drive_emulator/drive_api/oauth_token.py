"""`POST /token`: access tokens for service accounts and refresh tokens, as Google grants them."""

import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from drive_emulator.auth.service_accounts import Refused, check_scopes
from drive_emulator.control.state import State
from drive_emulator.drive_api.context import RequestContext
from drive_emulator.drive_api.routing import Route
from drive_emulator.http.messages import Request, read_body

PATHS = ("/token", "/oauth2/v4/token", "/oauth2/v3/token", "/o/oauth2/token")
DEFAULT_REFRESH_TOKEN = "1//emulator-refresh-token"
DEFAULT_ACCOUNT = "somebody@example.com"
DRIVE_SCOPE = "https://www.googleapis.com/auth/drive.readonly"
_JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_GOOGLES = ("https://oauth2.googleapis.com/token", "https://www.googleapis.com/oauth2/v4/token")


def routes(state: State) -> list[Route]:
    """Where the handlers of this module answer: the paths that Google has had over the years."""
    grants = TokenEndpoint(state)
    return [Route("POST", path, "token", grants.answer, open=True) for path in PATHS]


class TokenEndpoint:
    """Grants tokens of the world's own.

    Assertions are judged by this machine's clock, which their signer uses too; how long tokens
    live goes by the emulator's.
    """

    def __init__(self, state: State, now: Callable[[], float] = time.time) -> None:
        self._world = state
        self._now = now

    async def answer(self, context: RequestContext) -> None:
        """`access_token`, `expires_in`, `token_type`, or `error` and `error_description`."""
        try:
            form = _form(await read_body(context.receive))
            granted = self._grant(form, context.request)
        except Refused as why:
            context.reason = why.code
            told = {"error": why.code, "error_description": str(why)}
            await context.answer(told, why.status)
            return
        await context.answer(granted)

    def _grant(self, form: Mapping[str, str], request: Request) -> dict[str, Any]:
        kind = form.get("grant_type", "")
        if not kind:
            raise Refused("invalid_request", "Required parameter is missing: grant_type")
        if kind == _JWT_BEARER:
            assertion = form.get("assertion", "")
            if not assertion:
                raise Refused("invalid_request", "Required parameter is missing: assertion")
            checked = self._world.service_accounts.check(assertion, audiences(request), self._now())
            return self._token(checked.account)
        if kind == "refresh_token":
            return self._token(_account(form)) | {"scope": _scope(form)}
        raise Refused("unsupported_grant_type", f"Invalid grant_type: {kind[:100]}")

    def _token(self, account: str) -> dict[str, Any]:
        life = self._world.knobs.access_token_life
        token = self._world.tokens.issue(account, life)
        # Google tells one second less than it gives.
        return {
            "access_token": token,
            "expires_in": max(1, round(life) - 1),
            "token_type": "Bearer",
        }


def _account(form: Mapping[str, str]) -> str:
    if not form.get("client_id"):
        raise Refused("invalid_request", "Could not determine client ID from request.")
    token = form.get("refresh_token", "")
    if not token:
        raise Refused("invalid_request", "Missing required parameter: refresh_token")
    if token != DEFAULT_REFRESH_TOKEN:
        raise Refused("invalid_grant", "Token has been expired or revoked.")
    return DEFAULT_ACCOUNT


def audiences(request: Request) -> frozenset[str]:
    """Whom an assertion may be meant for: Google's endpoints, and this very address."""
    host = request.header(b"host")
    here = (f"{scheme}://{host}{path}" for scheme in ("http", "https") for path in PATHS)
    return frozenset((*_GOOGLES, "https://accounts.google.com/o/oauth2/token", *here))


def _form(body: bytes) -> dict[str, str]:
    try:
        return dict(parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=50))
    except ValueError:
        raise Refused("invalid_request", "Bad Request") from None


def _scope(form: Mapping[str, str]) -> str:
    """What was asked for, or what the user once consented to."""
    return " ".join(sorted(check_scopes(form["scope"]))) if form.get("scope") else DRIVE_SCOPE
