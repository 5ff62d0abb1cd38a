"""What users ask of the system while it burns: imports, and all that can be done to one."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid5

from drive_emulator.testing import EmulatorFailed, RunningEmulator
from tests.fire.client import Answer, Client, NoAnswer
from tests.fire.history import History
from tests.fire.pace import Pace
from tests.fire.plan import Ask, tree
from tests.system import link

KEYS = UUID("6f2b8a52-9f0e-4b8e-a1b0-0d5c9e6f4a11")
UNDER_WAY_SECONDS = 2.0


class Trees:
    """What Drive has: of each file every version that there ever was, by its MD5."""

    def __init__(self, drive: RunningEmulator, seed: int) -> None:
        self._drive = drive
        self._seed = seed
        self.folders: list[str] = []
        self.now: dict[int, Mapping[str, str]] = {}
        self.ever: dict[str, set[str]] = {}

    def grow(self, files: int) -> int:
        """A new tree; its number."""
        number = len(self.folders)
        self.folders.append(self._drive.add_tree(tree(self._seed, number, files), render=True))
        self._look(number)
        return number

    def change(self, number: int, share: float) -> str:
        """Give one of its files other bytes; its id."""
        ids = sorted(self.now[number])
        changed = ids[int(share * len(ids))]
        self._drive.mutate("replace", id=changed, size=5_000 + int(share * 50_000))
        self._look(number)
        return changed

    def _look(self, number: int) -> None:
        files = self._drive.files(f"fire-{number}")
        images = [f for f in files if f["mimeType"].startswith("image/")]
        self.now[number] = {f["id"]: f["md5Checksum"] for f in images}
        for id, md5 in self.now[number].items():
            self.ever.setdefault(id, set()).add(md5)


@dataclass
class Load:
    """Runs in a thread of its own, since an answer may take as long as an outage."""

    client: Client
    trees: Trees
    history: History
    seed: int
    jobs: list[str] = field(default_factory=list)
    replays: list[str] = field(default_factory=list)
    _keys: int = 0

    def run(self, asks: Sequence[Ask], pace: Pace) -> threading.Thread:
        thread = threading.Thread(target=self._run, args=(asks, pace), name="load")
        thread.start()
        return thread

    def _run(self, asks: Sequence[Ask], pace: Pace) -> None:
        for ask in asks:
            if not pace.reach(ask.at):
                return
            try:
                self._ask(ask, pace)
            except (NoAnswer, OSError, EmulatorFailed) as why:
                self.history.add("unanswered", asked=ask.what, why=str(why)[:500])

    def _ask(self, ask: Ask, pace: Pace) -> None:
        match ask.what:
            case "small" | "large":
                self.begin(self.trees.grow(ask.files), ask.what)
            case "again":
                self.begin(int(ask.share * len(self.trees.folders)), ask.what)
            case "changed":
                number = int(ask.share * len(self.trees.folders))
                self.history.add("changed", tree=number, file=self.trees.change(number, ask.share))
                self.begin(number, ask.what)
            case "pause":
                job = self._under_way(ask, pace)
                self.control(job, "pause")
                pace.reach(pace.now() + ask.lasts)
                self.control(job, "resume")
            case "cancel":
                self.control(self._under_way(ask, pace), "cancel")
            case "retry":
                self.control(self.jobs[int(ask.share * len(self.jobs))], "retry")
            case "replay":
                self.replay([self.jobs[int(ask.share * len(self.jobs))]], "check")

    def _under_way(self, ask: Ask, pace: Pace) -> str:
        """A new import that has begun and, most probably, not ended."""
        job = self.begin(self.trees.grow(ask.files), ask.what)
        pace.reach(pace.now() + UNDER_WAY_SECONDS)
        return job

    def begin(self, number: int, why: str) -> str:
        """An import of a tree; its id."""
        self._keys += 1
        key = str(uuid5(KEYS, f"{self.seed}/{self._keys}"))
        body = {"folderUrl": link(self.trees.folders[number])}
        status, said = self.client.ask("POST", "/import/google-drive", body, key)
        if status != 202:
            raise NoAnswer(f"an import was refused: {status} {said}")
        job: str = said["jobId"]
        self.jobs.append(job)
        self.history.add("import", import_id=job, tree=number, why=why)
        return job

    def control(self, job: str, word: str) -> Answer:
        status, said = self.client.ask("POST", f"/imports/{job}/{word}")
        code = said.get("code", "")
        self.history.add("asked", word=word, import_id=job, status=status, code=code)
        return status, said

    def replay(self, jobs: Sequence[str], transfer: str) -> str:
        """A replay of all that these imports found; its id."""
        self._keys += 1
        body = {"select": {"imports": [*jobs]}, "mode": "all", "transfer": transfer}
        status, plan = self.client.ask("POST", "/replays/plan", body)
        if status != 200:
            self.history.add("asked", word="replay", status=status, code=plan.get("code", ""))
            return ""
        start = {"plan_id": plan["plan_id"], "name": "fire", "why": "The dice said so."}
        key = str(uuid5(KEYS, f"{self.seed}/replay/{self._keys}"))
        status, said = self.client.ask("POST", "/replays", start, key)
        replay = str(said.get("replay_id", ""))
        self.history.add(
            "asked", word="replay", status=status, code=said.get("code", ""), id=replay
        )
        if replay:
            self.replays.append(replay)
        return replay
