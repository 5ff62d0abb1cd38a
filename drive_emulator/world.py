"""What all handlers of one emulator share."""

from drive_emulator.access import Access, KeyState
from drive_emulator.beside import Beside
from drive_emulator.change_log import ChangeLog
from drive_emulator.clock import Clock
from drive_emulator.faults.acting import Faults
from drive_emulator.forest import Forest
from drive_emulator.knobs import Knobs
from drive_emulator.quota.settings import PROFILES
from drive_emulator.quota.spending import Quota
from drive_emulator.request_log import RequestLog
from drive_emulator.service_accounts import ServiceAccounts
from drive_emulator.tokens import Tokens


class World:
    """The files, who may see them, and the state that requests leave behind."""

    def __init__(self, forest: Forest, keys: dict[str, KeyState] | None = None) -> None:
        self.forest = forest
        self.knobs = Knobs()
        self.clock = Clock()
        forest.now = self.clock.now
        self.tokens = Tokens(self.clock)
        self.service_accounts = ServiceAccounts()
        self.access = Access(self.tokens, keys)
        self.changes = ChangeLog(self.clock.now)
        self.addresses: dict[str, str] = {}
        self.beside = Beside()
        self.quota = Quota(PROFILES["none"], self.clock)
        self.faults = Faults(forest, self.clock)
        self.log = RequestLog()
