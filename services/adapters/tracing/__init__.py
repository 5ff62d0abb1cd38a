"""Traces by OpenTelemetry. Off unless `OTEL_EXPORTER_OTLP_ENDPOINT` is set (decisions/0054): then
`port.py` hands back what it is given, and nothing of OpenTelemetry is imported."""
