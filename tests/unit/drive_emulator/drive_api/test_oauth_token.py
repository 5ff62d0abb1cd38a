"""The token endpoint, and that Drive accepts its tokens."""

from collections.abc import AsyncIterator

import httpx
import pytest

from drive_emulator.control.state import State
from drive_emulator.drive_api.oauth_token import DEFAULT_REFRESH_TOKEN, PATHS
from drive_emulator.tree.store import TreeStore
from tests.unit.drive_emulator.auth.test_service_accounts import assertion
from tests.unit.drive_emulator.clients import caller, state_of
from tests.unit.drive_emulator.conftest import KEY

BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
REFRESH = {
    "grant_type": "refresh_token",
    "client_id": "anybody",
    "refresh_token": DEFAULT_REFRESH_TOKEN,
}


@pytest.fixture
def state(store: TreeStore) -> State:
    return state_of(store)


@pytest.fixture
async def anybody(state: State) -> AsyncIterator[httpx.AsyncClient]:
    async with caller(state) as client:
        yield client


async def opens(client: httpx.AsyncClient, token: str) -> int:
    """The status of a listing with the token."""
    headers = {"authorization": f"Bearer {token}"}
    return (await client.get("/drive/v3/files?pageSize=1", headers=headers)).status_code


@pytest.mark.parametrize("path", PATHS)
async def test_a_refresh_token_becomes_an_access_token(
    anybody: httpx.AsyncClient, path: str
) -> None:
    granted = (await anybody.post(path, data=REFRESH)).json()
    assert (granted["token_type"], granted["expires_in"]) == ("Bearer", 3599)
    assert await opens(anybody, granted["access_token"]) == 200


async def test_an_assertion_becomes_an_access_token(
    state: State, anybody: httpx.AsyncClient
) -> None:
    now = state.clock.now()
    account = state.service_accounts.make("http://drive/token")
    text = assertion(account, aud="http://drive/token", iat=now, exp=now + 3600)
    form = {"grant_type": BEARER, "assertion": text}
    granted = (await anybody.post("/token", data=form)).json()
    assert state.tokens.account(granted["access_token"]) == account["client_email"]


async def test_a_granted_token_expires_as_stated(state: State, anybody: httpx.AsyncClient) -> None:
    state.knobs.change({"access_token_life": 60})
    granted = (await anybody.post("/token", data=REFRESH)).json()
    assert granted["expires_in"] == 59
    state.clock.advance(59)
    assert await opens(anybody, granted["access_token"]) == 200
    state.clock.advance(2)
    assert await opens(anybody, granted["access_token"]) == 401


@pytest.mark.parametrize(
    ("form", "code", "words"),
    [
        ({}, "invalid_request", "grant_type"),
        ({"grant_type": "password"}, "unsupported_grant_type", "password"),
        ({"grant_type": BEARER}, "invalid_request", "assertion"),
        ({"grant_type": BEARER, "assertion": "x"}, "invalid_request", "segments"),
        ({**REFRESH, "client_id": ""}, "invalid_request", "client ID"),
        ({**REFRESH, "refresh_token": ""}, "invalid_request", "refresh_token"),
        ({**REFRESH, "refresh_token": "old"}, "invalid_grant", "expired or revoked"),
        ({**REFRESH, "scope": "everything"}, "invalid_scope", "scope"),
    ],
)
async def test_errors_have_the_form_of_oauth(
    anybody: httpx.AsyncClient, form: dict[str, str], code: str, words: str
) -> None:
    answer = await anybody.post("/token", data=form)
    assert answer.status_code == 400
    assert answer.json()["error"] == code
    assert words in answer.json()["error_description"]


@pytest.mark.parametrize("body", [b"\xff\xfe", b"a=" * 100, b"&".join([b"a=1"] * 100)])
async def test_a_malformed_form_is_refused(anybody: httpx.AsyncClient, body: bytes) -> None:
    answer = await anybody.post("/token", content=body)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_the_endpoint_only_accepts_post(drive: httpx.AsyncClient) -> None:
    assert (await drive.get("/token", params={"key": KEY})).status_code == 401
