"""The standard variables, as OpenTelemetry's specification explains them."""

import pytest

from services.adapters.tracing.settings import SAMPLERS, Sampling, TracingSettings
from services.core.settings import SettingsError, read_settings

HERE = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318/"}


def read(**env: str) -> TracingSettings:
    return read_settings(env, TracingSettings.read)


def sampling(**env: str) -> Sampling:
    return read(**HERE, **env).sampling


def test_without_an_endpoint_nothing_is_traced_and_nothing_is_at_fault() -> None:
    theirs = {
        "OTEL_SERVICE_NAME": "x",
        "OTEL_TRACES_SAMPLER": "xray",
        "OTEL_TRACES_SAMPLER_ARG": "?",
    }
    assert read() == read(**theirs) == TracingSettings()


def test_by_default_every_import_and_one_file_in_a_hundred_are_traced() -> None:
    settings = read(**HERE)
    assert settings.endpoint == "http://collector:4318"
    assert settings.sampling == Sampling(ratio=0.01, parent_based=True)


@pytest.mark.parametrize(
    ("sampler", "expected"),
    [
        ("always_on", Sampling(1.0, False)),
        ("always_off", Sampling(0.0, False)),
        ("traceidratio", Sampling(0.25, False)),
        ("parentbased_always_on", Sampling(1.0, True)),
        ("parentbased_always_off", Sampling(0.0, True)),
        ("parentbased_traceidratio", Sampling(0.25, True)),
        ("ParentBased_TraceIdRatio", Sampling(0.25, True)),
    ],
)
def test_each_sampler(sampler: str, expected: Sampling) -> None:
    assert sampling(OTEL_TRACES_SAMPLER=sampler, OTEL_TRACES_SAMPLER_ARG="0.25") == expected


def test_another_sampler_is_a_fault() -> None:
    with pytest.raises(SettingsError, match=f"OTEL_TRACES_SAMPLER must be one of {SAMPLERS[0]}"):
        sampling(OTEL_TRACES_SAMPLER="jaeger_remote")


@pytest.mark.parametrize("ratio", ["-0.1", "1.1", "nan", "inf", "half"])
def test_a_ratio_is_from_0_to_1(ratio: str) -> None:
    with pytest.raises(SettingsError, match="OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1"):
        sampling(OTEL_TRACES_SAMPLER_ARG=ratio)
    assert sampling(OTEL_TRACES_SAMPLER="always_on", OTEL_TRACES_SAMPLER_ARG=ratio).ratio == 1.0
