"""`/_emu/addresses` and `/_emu/service-accounts`: how clients other than one's own get in."""

from typing import Annotated

import msgspec

from drive_emulator.auth.service_accounts import EMAIL
from drive_emulator.control.state import State
from drive_emulator.drive_api.context import RequestContext
from drive_emulator.drive_api.routing import Route
from drive_emulator.http.errors import control_error
from drive_emulator.http.messages import read_body

_Email = Annotated[str, msgspec.Meta(pattern=r"^[^@\s]{1,100}@[^@\s]{1,150}$")]


class _Wanted(msgspec.Struct, forbid_unknown_fields=True):
    email: _Email = EMAIL


def routes(state: State) -> list[Route]:
    """Where the handlers of this module answer."""
    control = _Control(state)
    accounts = "/_emu/service-accounts"
    return [
        Route("GET", "/_emu/addresses", "emu", control.addresses, open=True),
        Route("POST", accounts, "emu", control.make, open=True),
    ]


class _Control:
    def __init__(self, state: State) -> None:
        self._world = state

    async def addresses(self, context: RequestContext) -> None:
        await context.answer(self._world.addresses)

    async def make(self, context: RequestContext) -> None:
        """A new key, as the JSON file that Google's clients read."""
        try:
            wanted = msgspec.json.decode(await read_body(context.receive) or b"{}", type=_Wanted)
        except (msgspec.DecodeError, UnicodeDecodeError) as why:
            raise control_error(f"not a service account: {why}") from None
        token_uri = f"{context.request.origin}/token"
        accounts = self._world.service_accounts
        try:
            made = await self._world.worker.run(lambda: accounts.make(token_uri, wanted.email))
        except ImportError as why:
            raise control_error(
                f"a service account needs the package cryptography: {why}", 501
            ) from None
        except ValueError as why:
            raise control_error(str(why)) from None
        await context.answer(made, 201)
