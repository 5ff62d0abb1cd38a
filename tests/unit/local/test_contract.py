"""The command line reads nothing that the API does not answer. Where a field has a default, a
misspelt one would never be missed."""

import msgspec
import pytest

from local.show import replays, reports, system
from services.adapters.catalog.views.imports import FailedFolder
from services.adapters.catalog.views.replays import Sample
from services.adapters.kafka.dead_letters import DeadLetter
from services.api.import_views import ImportReport, Parked
from services.api.imports import ImportStarted
from services.api.lag import PartitionLag
from services.api.rates import MinuteCounts, Rate, Rates
from services.api.replay_plans import PlanReport
from services.api.replay_views import Planned, ReplayReport, ReplayView
from services.api.replays import ReplayStarted
from services.api.retry import Retried
from services.api.speed_limit import SpeedLimit
from services.api.system import Quota, System, Worker
from services.core.events import Selection, Waiting


@pytest.mark.parametrize(
    ("read", "answered"),
    [
        (reports.Started, ImportStarted),
        (reports.ImportReport, ImportReport),
        (reports.Waiting, Waiting),
        (reports.FailedFolder, FailedFolder),
        (reports.Parked, Parked),
        (reports.Retried, Retried),
        (replays.Plan, PlanReport),
        (replays.Selected, Selection),
        (replays.Sample, Sample),
        (replays.ReplayStarted, ReplayStarted),
        (replays.ReplayReport, ReplayReport),
        (replays.ReplayReport, ReplayView),
        (replays.Planned, Planned),
        (replays.DeadLetter, DeadLetter),
        (system.System, System),
        (system.Limit, SpeedLimit),
        (system.Lag, PartitionLag),
        (system.Worker, Worker),
        (system.Rates, Rates),
        (system.Rate, Rate),
        (system.Minute, MinuteCounts),
        (system.Quota, Quota),
    ],
)
def test_every_field_that_is_read_is_answered(
    read: type[msgspec.Struct], answered: type[msgspec.Struct]
) -> None:
    assert names(read) <= names(answered)


def names(kind: type[msgspec.Struct]) -> set[str]:
    return {field.encode_name for field in msgspec.structs.fields(kind)}
