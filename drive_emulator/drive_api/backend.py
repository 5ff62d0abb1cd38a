"""What the handlers of the Drive API share."""

from drive_emulator.auth.authenticator import AccessTokens
from drive_emulator.auth.service_accounts import ServiceAccounts
from drive_emulator.clock import Clock
from drive_emulator.drive_api.knobs import Knobs
from drive_emulator.tree.change_log import ChangeLog
from drive_emulator.tree.store import TreeStore
from drive_emulator.worker import WorkerThread


class Backend:
    """The files, the clock, and what was issued or changed since the start."""

    def __init__(self, store: TreeStore) -> None:
        self.store = store
        self.clock = Clock()
        store.now = self.clock.now
        self.knobs = Knobs()
        self.tokens = AccessTokens(self.clock)
        self.service_accounts = ServiceAccounts()
        self.changes = ChangeLog(self.clock.now)
        self.worker = WorkerThread()
