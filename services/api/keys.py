"""Who asks, and what they may do: API keys, and the access tokens that stand for one.

A browser cannot send a header with an image, an event stream or a link. There an access token takes
the key's place, in the query (RFC 6750, 2.3): it is short-lived, and it only reads.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, cast

from litestar import Response, post
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.handlers import BaseRouteHandler
from litestar.params import SkipValidation
from litestar.types import HTTPScope
from msgspec import Struct

from services.api.problems import AnyRequest, Problem, problem_specs
from services.core.api_keys import ApiKey, digest_of

SCOPE = "api_key_scope"
"""The route's option that says what it needs: a scope, or `OPEN`. There is no default."""
OPEN, READ, IMPORT, ADMIN = "open", "read", "import", "admin"
CALLER = "caller"
TOKEN = b"access_token"
TOKEN_SECONDS = 3600
"""Every token is valid for so long at least, and at most for twice as long. They end at full hours,
so that the addresses of images stay the same for browsers that cache them."""
ALL = "all"
SENDS = "Send it as `Authorization: Bearer KEY`."


class Caller(Struct, frozen=True):
    """Who sent a request. Without a key, `code` is the problem that it gets where it needs one."""

    key: ApiKey | None = None
    by_token: bool = False
    code: str = "missing_key"

    @property
    def name(self) -> str:
        return "" if self.key is None else self.key.name


@dataclass(frozen=True)
class ApiKeys:
    """The keys of the settings. Without any, every request is allowed.

    Tokens are signed with `secret` too, so that the hashes alone make none.
    """

    keys: Sequence[ApiKey] = ()
    secret: str = field(default="", repr=False)

    def caller(self, scope: HTTPScope) -> Caller:
        """Who sent it. Takes the access token out of the query, so that no route sees it."""
        token = _take_token(scope) if scope["method"] in ("GET", "HEAD") else None
        sent = [value for name, value in scope["headers"] if name == b"authorization"]
        if not self.keys:
            return Caller()
        if sent:
            kind, _, key = sent[0].partition(b" ")
            known = self._known(key.strip()) if kind.lower() == b"bearer" else None
            return Caller(known if len(sent) == 1 else None, code="unknown_key")
        if token is not None:
            return Caller(self._signer(token, scope["path"]), by_token=True, code="bad_token")
        return Caller()

    def token(self, caller: Caller, path: str = ALL) -> str | None:
        """For this path, or for all; None if none is needed."""
        if caller.key is None:
            return None
        ends = f"{_ends():x}"
        return f"{caller.key.name}.{ends}.{self._signature(caller.key, ends, path)}"

    def _known(self, key: bytes) -> ApiKey | None:
        """Every key is compared, so that the time tells nothing."""
        digest = digest_of(key)
        found = [each for each in self.keys if hmac.compare_digest(each.digest, digest)]
        return found[0] if found else None

    def _signer(self, token: str, path: str) -> ApiKey | None:
        name, _, rest = token.rpartition(".")[0].rpartition(".")
        key = next((each for each in self.keys if each.name == name), None)
        signature = token.rpartition(".")[2]
        if key is None or not token.isascii():
            return None
        known = [
            hmac.compare_digest(self._signature(key, rest, each), signature) for each in (path, ALL)
        ]
        # Only what we signed is looked at.
        return key if any(known) and int(rest, 16) > datetime.now(UTC).timestamp() else None

    def _signature(self, key: ApiKey, ends: str, path: str) -> str:
        message = f"{self.secret}\n{ends}\n{path}".encode()
        return hmac.digest(key.digest, sha256(message).digest(), "sha256").hex()


def _ends() -> int:
    hours = int(datetime.now(UTC).timestamp()) // TOKEN_SECONDS
    return (hours + 2) * TOKEN_SECONDS


def _take_token(scope: HTTPScope) -> str | None:
    """None without one. Two are none that is valid."""
    parts = scope["query_string"].split(b"&")
    kept = [part for part in parts if part.partition(b"=")[0] != TOKEN]
    scope["query_string"] = b"&".join(kept)
    taken = [part.partition(b"=")[2].decode("latin-1") for part in parts if part not in kept]
    return (taken[0] if len(taken) == 1 else "") if taken else None


async def scope_is_held(
    request: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler
) -> None:
    """The guard of every route. A route that says no scope needs the highest. It is async, since
    Litestar runs others in a thread."""
    state = request.scope["state"]
    needed = handler.opt.get(SCOPE, ADMIN)
    keys: ApiKeys = state["keys"]
    if not keys.keys or needed == OPEN or request.scope.get("method") == "OPTIONS":
        return
    caller = caller_of(cast(HTTPScope, request.scope))
    if caller.key is None:
        raise _unauthorized(caller.code, needed)
    if caller.by_token and needed != READ:
        raise _unauthorized("missing_key", needed)
    if not caller.key.allows(needed):
        raise Problem(
            "insufficient_scope",
            f"This needs a key with the scope `{needed}`. The key {caller.name} has the scope "
            f"`{caller.key.scope}`.",
            {"WWW-Authenticate": _challenge(needed, "insufficient_scope")},
            scope=needed,
        )


def _unauthorized(code: str, needed: str) -> Problem:
    said = {
        "missing_key": f"This needs an API key with the scope `{needed}`. {SENDS}",
        "unknown_key": "The Authorization header has no key that is known. This needs one with the "
        f"scope `{needed}`. {SENDS}",
        "bad_token": "The access token has expired, is for another URL, or is not valid. Get a new "
        "one, or send an API key as `Authorization: Bearer KEY`.",
    }
    error = "" if code == "missing_key" else "invalid_token"
    headers = {"WWW-Authenticate": _challenge(needed, error)}
    return Problem(code, said[code], headers, scope=needed)


def _challenge(needed: str, error: str) -> str:
    told = f', error="{error}"' if error else ""
    return f'Bearer realm="drivestream", scope="{needed}"{told}'


def caller_of(scope: HTTPScope) -> Caller:
    """Nobody, for a request that was refused before the key was looked at."""
    caller: Caller = scope["state"].get(CALLER, Caller())
    return caller


def caller_name(request: AnyRequest) -> str:
    """The name of the key; empty without keys."""
    return caller_of(request.scope).name


By = NamedDependency[str]


class AccessToken(Struct, frozen=True):
    """Both are null if this API asks for no key."""

    access_token: str | None
    expires_at: datetime | None


@post(
    "/access-tokens",
    status_code=200,
    opt={SCOPE: READ},
    summary="Get an access token",
    responses=problem_specs("bad_parameter", "cross_site"),
)
async def make_access_token(
    request: AnyRequest, keys: NamedDependency[SkipValidation[ApiKeys]]
) -> Response[AccessToken]:
    """For URLs that a browser opens by itself, such as images: `?access_token=` stands for the key
    there. It is valid for an hour at least, and only where the scope `read` is enough."""
    token = keys.token(caller_of(request.scope))
    until = datetime.fromtimestamp(_ends(), UTC) if token else None
    return Response(AccessToken(token, until), headers={"Cache-Control": "no-store"})
