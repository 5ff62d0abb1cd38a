"""Everything that one emulator knows: what the control API reads and changes."""

from drive_emulator.auth.authenticator import Authenticator, KeyState
from drive_emulator.control.request_log import RequestLog
from drive_emulator.drive_api.backend import Backend
from drive_emulator.faults.engine import Faults
from drive_emulator.quota.enforcement import Quota
from drive_emulator.quota.settings import PROFILES
from drive_emulator.tree.store import TreeStore


class State(Backend):
    """The backend of the Drive API, and what happens to requests before they reach it."""

    def __init__(self, store: TreeStore, keys: dict[str, KeyState] | None = None) -> None:
        super().__init__(store)
        self.authenticator = Authenticator(self.tokens, keys)
        self.quota = Quota(PROFILES["none"], self.clock)
        self.faults = Faults(store, self.clock)
        self.log = RequestLog()
        self.addresses: dict[str, str] = {}
