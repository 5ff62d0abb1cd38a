"""`/_emu/quota`: limits are set, and it is told what was used of them."""

import msgspec

from drive_emulator.drive_api.context import RequestContext
from drive_emulator.drive_api.routing import Route
from drive_emulator.http.errors import control_error
from drive_emulator.http.messages import read_body
from drive_emulator.quota.enforcement import KEPT_S, Quota
from drive_emulator.quota.settings import BadQuota, changed

_DEFAULT_LAST_S = 120


def routes(quota: Quota) -> list[Route]:
    """Where the quota is set and read."""
    control = _Control(quota)
    path = "/_emu/quota"
    return [
        Route("GET", path, "emu", control.show, open=True),
        Route("POST", path, "emu", control.change, open=True),
        Route("DELETE", path, "emu", control.reset, open=True),
    ]


class _Control:
    def __init__(self, quota: Quota) -> None:
        self._quota = quota

    async def show(self, context: RequestContext) -> None:
        text = context.request.params.get("seconds", str(_DEFAULT_LAST_S))
        if not text.isdecimal() or len(text) > 9:
            raise control_error(f"seconds is a number, and {KEPT_S} are kept")
        await context.answer(self._quota.report(int(text)))

    async def change(self, context: RequestContext) -> None:
        try:
            wanted = msgspec.json.decode(await read_body(context.receive))
            self._quota.change(changed(self._quota.settings, wanted))
        except (msgspec.DecodeError, BadQuota) as why:
            raise control_error(str(why)) from None
        await context.answer(self._quota.report(0))

    async def reset(self, context: RequestContext) -> None:
        self._quota.reset()
        await context.answer(self._quota.report(0))
