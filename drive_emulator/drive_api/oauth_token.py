"""`POST /token`: access tokens for service accounts and refresh tokens."""

import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from drive_emulator.auth.service_accounts import OAuthError, check_scopes
from drive_emulator.drive_api.backend import Backend
from drive_emulator.drive_api.context import RequestContext
from drive_emulator.drive_api.routing import Route
from drive_emulator.http.messages import Request, read_body

PATHS = (  # that Google has used over the years
    "/token",
    "/oauth2/v4/token",
    "/oauth2/v3/token",
    "/o/oauth2/token",
)
DEFAULT_REFRESH_TOKEN = "1//emulator-refresh-token"
DEFAULT_ACCOUNT = "somebody@example.com"
DRIVE_SCOPE = "https://www.googleapis.com/auth/drive.readonly"
_JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_GOOGLE_ENDPOINTS = (
    "https://oauth2.googleapis.com/token",
    "https://www.googleapis.com/oauth2/v4/token",
)


def routes(backend: Backend) -> list[Route]:
    endpoint = TokenEndpoint(backend)
    return [Route("POST", path, "token", endpoint.grant, public=True) for path in PATHS]


class TokenEndpoint:
    """Grants access tokens.

    Assertions are checked against the system clock, which their signer uses too; the life of an
    access token is measured by the emulator's clock.
    """

    def __init__(self, backend: Backend, now: Callable[[], float] = time.time) -> None:
        self._backend = backend
        self._now = now

    async def grant(self, context: RequestContext) -> None:
        """Send `access_token` and `expires_in`, or `error` and `error_description`."""
        try:
            form = _form(await read_body(context.receive))
            granted = self._grant(form, context.request)
        except OAuthError as why:
            context.reason = why.code
            body = {"error": why.code, "error_description": str(why)}
            await context.send_json(body, why.status)
            return
        await context.send_json(granted)

    def _grant(self, form: Mapping[str, str], request: Request) -> dict[str, Any]:
        kind = form.get("grant_type", "")
        if not kind:
            raise OAuthError("invalid_request", "Required parameter is missing: grant_type")
        if kind == _JWT_BEARER:
            assertion = form.get("assertion", "")
            if not assertion:
                raise OAuthError("invalid_request", "Required parameter is missing: assertion")
            checked = self._backend.service_accounts.verify(
                assertion, audiences(request), self._now()
            )
            return self._token(checked.account)
        if kind == "refresh_token":
            return self._token(_account(form)) | {"scope": _scope(form)}
        raise OAuthError("unsupported_grant_type", f"Invalid grant_type: {kind[:100]}")

    def _token(self, account: str) -> dict[str, Any]:
        life = self._backend.knobs.access_token_life
        token = self._backend.tokens.issue(account, life)
        # Google states one second less than it grants.
        return {
            "access_token": token,
            "expires_in": max(1, round(life) - 1),
            "token_type": "Bearer",
        }


def _account(form: Mapping[str, str]) -> str:
    if not form.get("client_id"):
        raise OAuthError("invalid_request", "Could not determine client ID from request.")
    token = form.get("refresh_token", "")
    if not token:
        raise OAuthError("invalid_request", "Missing required parameter: refresh_token")
    if token != DEFAULT_REFRESH_TOKEN:
        raise OAuthError("invalid_grant", "Token has been expired or revoked.")
    return DEFAULT_ACCOUNT


def audiences(request: Request) -> frozenset[str]:
    """The audiences that an assertion may have: Google's endpoints and this one."""
    host = request.header(b"host")
    here = (f"{scheme}://{host}{path}" for scheme in ("http", "https") for path in PATHS)
    return frozenset((*_GOOGLE_ENDPOINTS, "https://accounts.google.com/o/oauth2/token", *here))


def _form(body: bytes) -> dict[str, str]:
    try:
        return dict(parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=50))
    except ValueError:
        raise OAuthError("invalid_request", "Bad Request") from None


def _scope(form: Mapping[str, str]) -> str:
    return " ".join(sorted(check_scopes(form["scope"]))) if form.get("scope") else DRIVE_SCOPE
