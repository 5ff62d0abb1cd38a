"""`POST /_emu/mutate`: change what is there while somebody imports it. No key is needed."""

from drive_emulator.control.state import World
from drive_emulator.drive_api.context import Exchange
from drive_emulator.drive_api.file_resource import projection
from drive_emulator.drive_api.routing import Route
from drive_emulator.fields.mask import parse_mask
from drive_emulator.http.errors import wrong
from drive_emulator.http.messages import read_body
from drive_emulator.tree.mutations import BadChange, NoSuchItem, parse_change

_ANSWER = parse_mask(
    "id,name,mimeType,parents,trashed,shared,version,modifiedTime,headRevisionId,resourceKey"
)


def routes(world: World) -> list[Route]:
    """Where the change is sent."""
    return [Route("POST", "/_emu/mutate", "emu", Edits(world).mutate, open=True)]


class Edits:
    """Changes to one forest."""

    def __init__(self, world: World) -> None:
        self._forest = world.forest
        self._changes = world.changes

    async def mutate(self, exchange: Exchange) -> None:
        """The item as it is afterwards: what needs no painting of it."""
        try:
            file = self._forest.mutate(parse_change(await read_body(exchange.receive)))
        except NoSuchItem as why:
            raise wrong(str(why), 404) from None
        except BadChange as why:
            raise wrong(str(why)) from None
        self._changes.add(file.id)
        await exchange.answer(projection(_ANSWER)(file))
