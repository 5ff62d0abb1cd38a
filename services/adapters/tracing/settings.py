"""The standard variables of OpenTelemetry that we read, as its specification explains them.

https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
"""

import math
from dataclasses import dataclass

from services.core.settings import Reader

SAMPLERS = (
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
)
FILES_TRACED = 0.01
"""Of a million files, so many thousand traces are enough to see what is slow."""


@dataclass(frozen=True)
class Sampling:
    """`ratio`: the part of the files that are traced. An import is traced unless it is 0, and, if
    `parent_based`, unless its caller says otherwise; then its files are not traced either."""

    ratio: float = FILES_TRACED
    parent_based: bool = True


@dataclass(frozen=True, kw_only=True)
class TracingSettings:
    """Where spans are sent: the base address of an OTLP receiver, or "" for nowhere."""

    endpoint: str = ""
    service_name: str = ""
    sampling: Sampling = Sampling()

    @classmethod
    def read(cls, reader: Reader) -> "TracingSettings":
        """Variables of OpenTelemetry may be there for others. If they name no endpoint, they are
        not meant for us, and are no fault."""
        endpoint = reader.url("OTEL_EXPORTER_OTLP_ENDPOINT", "")
        service_name = reader.text("OTEL_SERVICE_NAME", "")
        sampler = reader.text("OTEL_TRACES_SAMPLER", "parentbased_traceidratio").lower()
        ratio = _ratio(reader.text("OTEL_TRACES_SAMPLER_ARG", str(FILES_TRACED)))
        if not endpoint:
            return cls()
        if sampler not in SAMPLERS:
            reader.faults.append(f"OTEL_TRACES_SAMPLER must be one of {', '.join(SAMPLERS)}.")
        if sampler.endswith("ratio") and ratio is None:
            reader.faults.append("OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1.")
        part = {"always_on": 1.0, "always_off": 0.0}.get(sampler.removeprefix("parentbased_"))
        return cls(
            endpoint=endpoint,
            service_name=service_name,
            sampling=Sampling(
                ratio=(ratio or 0.0) if part is None else part,
                parent_based=sampler.startswith("parentbased_"),
            ),
        )


def _ratio(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and 0 <= value <= 1 else None
