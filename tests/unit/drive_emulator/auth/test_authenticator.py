"""API keys in every state, access tokens and quotaUser."""

import httpx
import pytest

from drive_emulator.auth.authenticator import AccessTokens, Authenticator, KeyState
from drive_emulator.clock import Clock
from drive_emulator.http.errors import ApiError
from drive_emulator.http.messages import Request
from drive_emulator.tree.store import TreeStore
from drive_emulator.tree.tree import File, Tree
from tests.unit.drive_emulator.clients import (
    ACCOUNT,
    TOKEN,
    InProcessEmulator,
    caller,
    reason,
    state_of,
)
from tests.unit.drive_emulator.conftest import KEY


@pytest.fixture
def drive(store: TreeStore, small: Tree) -> InProcessEmulator:
    return InProcessEmulator(store, small)


def access() -> Authenticator:
    tokens = AccessTokens(Clock())
    tokens.add(TOKEN, ACCOUNT)
    return Authenticator(tokens, {KEY: KeyState.OK})


def request(headers: dict[str, str] | None = None, params: dict[str, str] | None = None) -> Request:
    raw = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    return Request("GET", "/drive/v3/files", params or {}, raw, "10.0.0.7")


@pytest.mark.parametrize(
    ("state", "status", "word", "info"),
    [
        (KeyState.INVALID, 400, "badRequest", "API_KEY_INVALID"),
        (KeyState.DISABLED, 403, "accessNotConfigured", "SERVICE_DISABLED"),
        (KeyState.REFERRER_BLOCKED, 403, "forbidden", "API_KEY_HTTP_REFERRER_BLOCKED"),
        (KeyState.IP_BLOCKED, 403, "ipRefererBlocked", "API_KEY_IP_ADDRESS_BLOCKED"),
    ],
)
async def test_a_refused_key_gets_an_error_that_says_why(
    drive: InProcessEmulator, state: KeyState, status: int, word: str, info: str
) -> None:
    drive.state.authenticator.set_key(KEY, state)
    answer = await drive.listed()
    assert reason(answer)[:2] == (status, word)
    assert answer.json()["error"]["details"][0]["reason"] == info


def test_an_anonymous_caller_is_identified_by_quota_user_or_address() -> None:
    plain = access().authenticate(request(params={"key": KEY}))
    named = access().authenticate(request(params={"key": KEY, "quotaUser": "worker-1"}))
    assert (plain.account, plain.user) == ("", "10.0.0.7")
    assert (named.account, named.user) == ("", "worker-1")


def test_an_account_is_its_own_quota_user() -> None:
    asked = request({"authorization": f"Bearer {TOKEN}"}, {"quotaUser": "somebody"})
    assert access().authenticate(asked).user == ACCOUNT


async def test_a_quota_user_longer_than_40_characters_is_refused(drive: InProcessEmulator) -> None:
    assert (await drive.listed(quotaUser="x" * 40)).status_code == 200
    refused = await drive.listed(quotaUser="x" * 41)
    assert reason(refused)[:2] == (400, "invalidParameter")


def test_resource_keys_are_read_and_malformed_ones_ignored() -> None:
    header = {"x-goog-drive-resource-keys": "a/0-1, b/0-2,,nonsense,/x,c/"}
    read = access().authenticate(request(header, {"key": KEY}))
    assert read.resource_keys == {"a": "0-1", "b": "0-2"}


async def test_a_token_works_until_it_expires(store: TreeStore) -> None:
    state = state_of(store)
    token = state.tokens.issue(ACCOUNT, life_s=60)
    async with caller(state, token=token) as client:
        assert (await client.get("/drive/v3/files")).status_code == 200
        state.clock.advance(61)
        late = await client.get("/drive/v3/files")
    assert reason(late) == (401, "authError", "Authorization")
    assert late.headers["www-authenticate"].startswith("Bearer")


async def test_a_revoked_token_is_refused(store: TreeStore) -> None:
    state = state_of(store)
    state.tokens.revoke(TOKEN)
    async with caller(state, token=TOKEN) as client:
        assert (await client.get("/drive/v3/files")).status_code == 401


@pytest.mark.parametrize("header", ["Basic abc", "Bearer", f"bearer{TOKEN}", "Bearer nobody's"])
def test_a_malformed_or_unknown_token_is_refused(header: str) -> None:
    with pytest.raises(ApiError) as refused:
        access().authenticate(request({"authorization": header}))
    assert refused.value.status == 401


@pytest.mark.parametrize("name", ["access_token", "oauth_token"])
async def test_a_token_in_the_query_works_for_json_but_not_for_media(
    store: TreeStore, small: Tree, name: str
) -> None:
    state = state_of(store)
    picture = File(small, small.layout.folders).id
    async with caller(state) as client:
        url = f"/drive/v3/files/{picture}"
        json = await client.get(url, params={name: TOKEN})
        media = await client.get(url, params={name: TOKEN, "alt": "media"})
    assert json.status_code == 200
    assert reason(media)[:2] == (401, "authError")


async def test_a_wrong_key_is_refused_even_with_a_good_token(store: TreeStore) -> None:
    async with caller(state_of(store), key="wrong", token=TOKEN) as client:
        assert (await client.get("/drive/v3/files")).status_code == 400


def test_the_oldest_token_is_forgotten_when_there_are_too_many() -> None:
    tokens = AccessTokens(Clock())
    first = tokens.issue("a@example.com")
    for number in range(100_000):
        tokens.add(f"t{number}", "b@example.com")
    assert tokens.account(first) is None
    assert tokens.account("t99999") == "b@example.com"


@pytest.mark.parametrize("seconds", [-1.0, 1e12, float("nan")])
def test_a_clock_refuses_to_go_backwards_or_too_far(seconds: float) -> None:
    clock = Clock()
    with pytest.raises(ValueError, match="forwards"):
        clock.advance(seconds)


async def test_a_missing_key_has_no_errors_list(stranger: httpx.AsyncClient) -> None:
    error = (await stranger.get("/drive/v3/files")).json()["error"]
    assert "errors" not in error
