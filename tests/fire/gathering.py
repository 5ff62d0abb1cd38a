"""From the end of the fire to all that there is to check."""

import json
import os
import subprocess
import sys

from local.paths import CHECKOUT
from tests.fire import evidence
from tests.fire.closing import REST_LIMIT, Closing
from tests.fire.fire import Fire
from tests.fire.properties import Dump, Evidence
from tests.fire.sampling import Sampler
from tests.rebuilds import Database
from tests.system import System

COMMAND_SECONDS = 600


def gather(fire: Fire) -> Evidence:
    """Ends with every service stopped."""
    system, watch = fire.system, fire.workers.watch
    closing = Closing(system, fire.client, fire.load, fire.history, watch)
    with Sampler(system, fire.samples):
        closing.run()
        replayed = {key: each.md5 for key, each in evidence.bucket(system.platform).items()}
        closing.replay_everything()
        closing.until(lambda: _is_quiet(fire), REST_LIMIT, "something is still behind")
    rest = evidence.rest(system, fire.client)
    imports = fire.client.every("/imports?limit=1000")
    replays = fire.client.every("/replays?limit=1000")
    counted = evidence.counted(fire.client, [row["id"] for row in imports])
    before = _dump(system)
    rebuild = command(system, "rebuild-index")
    after = _dump(system)
    records, tables = evidence.records(system), evidence.tables(system.platform)
    fire.workers.stop_all()
    return Evidence(
        history=fire.history,
        trees=fire.trees,
        records=records,
        tables=tables,
        bucket=evidence.bucket(system.platform),
        replayed=replayed,
        reports={row["id"]: row for row in imports},
        replays={row["id"]: row for row in replays},
        counted=counted,
        samples=fire.samples,
        rest=rest,
        again=closing.again,
        fetched=closing.fetched,
        uploads=system.platform.incomplete_uploads(),
        verify=command(system, "verify", "--deep"),
        rebuild=rebuild,
        dumps=(before, after),
        schema=json.loads((CHECKOUT / "docs" / "events.schema.json").read_text()),
    )


def command(system: System, *words: str) -> tuple[int, str]:
    """`drivestream WORDS`: its exit code and all that it said."""
    done = subprocess.run(
        [sys.executable, "-m", "local", *words],
        cwd=CHECKOUT,
        env={**os.environ, **system.env},
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )
    return done.returncode, f"{done.stdout}\n{done.stderr}"


def _is_quiet(fire: Fire) -> bool:
    now = evidence.rest(fire.system, fire.client)
    return not any([*now.behind.values(), *now.told.values(), *now.in_flight.values()])


def _dump(system: System) -> Dump:
    """Every row of every table, as text."""
    rows = Database(system.platform).dump()
    return {table: [repr(row) for row in of_one] for table, of_one in rows.items()}
