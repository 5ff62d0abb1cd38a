"""`POST /_emu/mutate`: change what is there while somebody imports it. No key is needed."""

from drive_emulator.control.state import State
from drive_emulator.drive_api.context import RequestContext
from drive_emulator.drive_api.file_resource import projection
from drive_emulator.drive_api.routing import Route
from drive_emulator.fields.mask import parse_mask
from drive_emulator.http.errors import control_error
from drive_emulator.http.messages import read_body
from drive_emulator.tree.mutations import BadChange, NoSuchItem, parse_change

_ANSWER = parse_mask(
    "id,name,mimeType,parents,trashed,shared,version,modifiedTime,headRevisionId,resourceKey"
)


def routes(state: State) -> list[Route]:
    """Where the change is sent."""
    return [Route("POST", "/_emu/mutate", "emu", Edits(state).mutate, open=True)]


class Edits:
    """Changes to one forest."""

    def __init__(self, state: State) -> None:
        self._store = state.store
        self._changes = state.changes

    async def mutate(self, context: RequestContext) -> None:
        """The item as it is afterwards: what needs no painting of it."""
        try:
            file = self._store.mutate(parse_change(await read_body(context.receive)))
        except NoSuchItem as why:
            raise control_error(str(why), 404) from None
        except BadChange as why:
            raise control_error(str(why)) from None
        self._changes.add(file.id)
        await context.answer(projection(_ANSWER)(file))
