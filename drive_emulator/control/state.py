"""What all handlers of one emulator share."""

from drive_emulator.auth.authenticator import Authenticator, KeyState, Tokens
from drive_emulator.auth.service_accounts import ServiceAccounts
from drive_emulator.clock import Clock
from drive_emulator.control.request_log import RequestLog
from drive_emulator.drive_api.knobs import Knobs
from drive_emulator.faults.engine import Faults
from drive_emulator.quota.enforcement import Quota
from drive_emulator.quota.settings import PROFILES
from drive_emulator.tree.change_log import ChangeLog
from drive_emulator.tree.store import TreeStore
from drive_emulator.worker import WorkerThread


class State:
    """The files, who may see them, and the state that requests leave behind."""

    def __init__(self, store: TreeStore, keys: dict[str, KeyState] | None = None) -> None:
        self.store = store
        self.knobs = Knobs()
        self.clock = Clock()
        store.now = self.clock.now
        self.tokens = Tokens(self.clock)
        self.service_accounts = ServiceAccounts()
        self.access = Authenticator(self.tokens, keys)
        self.changes = ChangeLog(self.clock.now)
        self.addresses: dict[str, str] = {}
        self.worker = WorkerThread()
        self.quota = Quota(PROFILES["none"], self.clock)
        self.faults = Faults(store, self.clock)
        self.log = RequestLog()
