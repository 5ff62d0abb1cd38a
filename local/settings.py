"""The settings: those that the command line reads itself, and those of all services together."""

from collections.abc import Mapping

from services.core.settings import Reader, SettingsError

PORTS = (
    "PORT",
    "WEB_PORT",
    "KAFKA_PORT",
    "KAFKA_CONTROLLER_PORT",
    "MINIO_PORT",
    "MINIO_CONSOLE_PORT",
    "POSTGRES_PORT",
    "EMULATOR_PORT",
)
OWN = (*PORTS, "DATA_DIR", "DRIVESTREAM_URL", "HOST", "HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME")

OF_STORE = (
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"),
    *("AWS_REGION", "S3_ADDRESSING_STYLE", "S3_CA_FILE"),
    *("S3_SERVER_SIDE_ENCRYPTION", "S3_KMS_KEY_ID"),
)
"""What belongs to the store that S3_ENDPOINT_URL names. Shells have keys of Amazon's, which are not
those of the store that we start."""

OF_KAFKA = (
    *("KAFKA_SECURITY_PROTOCOL", "KAFKA_CA_FILE", "KAFKA_SASL_MECHANISM"),
    *("KAFKA_USERNAME", "KAFKA_PASSWORD"),
)
"""The same for the brokers that KAFKA_BOOTSTRAP_SERVERS names."""
BELONG = {
    "S3_ENDPOINT_URL": OF_STORE,
    "KAFKA_BOOTSTRAP_SERVERS": OF_KAFKA,
    "DATABASE_URL": ("DATABASE_READ_URL",),
}


def over(running: Mapping[str, str], env: Mapping[str, str]) -> dict[str, str]:
    """The settings of a running copy, and over them those of the environment. What belongs to a
    server comes from where its address comes from."""
    given = {name: value for name, value in env.items() if value}
    for address, others in BELONG.items():
        if running.get(address) and address not in given:
            given = {name: value for name, value in given.items() if name not in others}
    return {**running, **given}


def refuse_control_characters(env: Mapping[str, str]) -> None:
    """Refuse control characters in our own settings: they are mistakes that nobody can see. Bytes
    that are no text are refused, too: not every server can find a folder of such a name."""
    for name in OWN:
        value = env.get(name, "")
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise SettingsError(f"{name} contains bytes that are not UTF-8: {value[:80]!r}.")
        if any(character < " " or "\x7f" <= character <= "\x9f" for character in value):
            raise SettingsError(
                f"{name} contains a control character: {value[:80]!r}. Set it again, or unset it."
            )


class RecordingReader(Reader):
    """A reader that remembers the names it was asked for, with their defaults (or None)."""

    def __init__(self, env: Mapping[str, str]) -> None:
        super().__init__(env)
        self.asked: dict[str, str | None] = {}

    def text(self, name: str, default: str | None = None) -> str:
        """The value, as the reader gives it."""
        self.asked.setdefault(name, default)
        return super().text(name, default)


def read_all(env: Mapping[str, str]) -> RecordingReader:
    """Read the settings of every service; the reader then has all names and all faults."""
    # Imported here: the services and their libraries take a second to load.
    from services.adapters.webhooks.settings import WebhookSettings
    from services.adapters.worker import WorkerSettings
    from services.api.__main__ import Settings as ApiSettings
    from services.indexer.__main__ import Settings as IndexerSettings
    from services.monitor.service import MonitorSettings
    from services.transfer.__main__ import Settings as TransferSettings

    reader = RecordingReader(env)
    for settings in (
        ApiSettings,
        WorkerSettings,
        TransferSettings,
        IndexerSettings,
        MonitorSettings,
        WebhookSettings,
    ):
        settings.read(reader)
    reader.faults = list(dict.fromkeys(reader.faults))
    return reader
