"""confluent-kafka's errors, said in our words: what is wrong, and with which setting."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from confluent_kafka import KafkaError, KafkaException

FORBIDDEN = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "these topics",
    KafkaError.GROUP_AUTHORIZATION_FAILED: "this consumer group",
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: "this cluster",
}
REFUSED_LOGIN = (
    "it refused the login: check KAFKA_USERNAME, KAFKA_PASSWORD and KAFKA_SASL_MECHANISM"
)
WRONG_MECHANISM = (
    "it does not offer this login: check KAFKA_SASL_MECHANISM and KAFKA_SECURITY_PROTOCOL"
)
NOT_TRUSTED = (
    "its certificate is not trusted, or is for another host: check KAFKA_CA_FILE, and the hosts in "
    "KAFKA_BOOTSTRAP_SERVERS"
)
NO_TLS = "it does not speak TLS there: check KAFKA_SECURITY_PROTOCOL and the port"
HANGS_UP = (
    "it ends each connection before it answers: check whether KAFKA_SECURITY_PROTOCOL is what it "
    "speaks at that port"
)
UNKNOWN_HOST = "its host name is not known: check KAFKA_BOOTSTRAP_SERVERS"
REFUSED_CONNECTION = "the connection was refused: check KAFKA_BOOTSTRAP_SERVERS, and that it runs"
NO_ANSWER = "it did not answer in time"
HUNG_UP = ("Broken pipe", "Connection reset")
WITHOUT_A_WORD = {KafkaError._TRANSPORT, KafkaError._TIMED_OUT}
"""What a question fails with, whatever the cause."""


class KafkaUnavailableError(Exception):
    """The broker did not acknowledge in time, or the handle is broken: publish or read again."""


def sentence(error: KafkaError) -> str:
    """Without the name of a setting where none can be the cause."""
    return of_settings(error) or f"{error.str()} ({error.name()})"


def of_settings(error: KafkaError) -> str | None:
    """What of our settings the brokers refuse; None for any other error. librdkafka has one code
    for all failed logins and one for all failed handshakes, so that its text has to tell."""
    text = error.str()
    if error.code() in FORBIDDEN:
        return f"KAFKA_USERNAME has no rights to {FORBIDDEN[error.code()]}: ask for an ACL"
    if error.code() == KafkaError._AUTHENTICATION:
        return WRONG_MECHANISM if "handshake" in text else REFUSED_LOGIN
    if error.code() == KafkaError.SASL_AUTHENTICATION_FAILED:
        return REFUSED_LOGIN
    if "SSL handshake failed" in text and "PLAINTEXT" in text:
        return NO_TLS
    return NOT_TRUSTED if error.code() == KafkaError._SSL else None


def of_network(error: KafkaError) -> str | None:
    """Why there is no connection at all, where librdkafka says so."""
    if error.code() == KafkaError._RESOLVE:
        return UNKNOWN_HOST
    return REFUSED_CONNECTION if "Connection refused" in error.str() else None


class Refusals:
    """An `error_cb` that keeps why a handle cannot connect, and passes each error on. What the
    handle was asked fails with no more than "transport failure"."""

    def __init__(self, tell: Callable[[KafkaError], None] = lambda _error: None) -> None:
        self._tell = tell
        self._forget()

    def _forget(self) -> None:
        self._reason: str | None = None
        self._network: str | None = None
        self._other: str | None = None
        self._all_down: str | None = None

    def __call__(self, error: KafkaError) -> None:
        self._reason = of_settings(error) or self._reason
        self._network = of_network(error) or self._network
        hung_up = any(words in error.str() for words in HUNG_UP)
        if hung_up or error.code() == KafkaError._ALL_BROKERS_DOWN:
            # A broker that cannot be reached is reported, too; one that closes a connection is only
            # if something was being sent.
            self._all_down = HANGS_UP
        else:
            self._other = _without_time(error)
        self._tell(error)

    @contextmanager
    def explained(self, report: Callable[[], object]) -> Iterator[None]:
        """Raise `KafkaUnavailableError` with the cause. `report` polls the handle, which calls back
        with what has happened meanwhile."""
        try:
            yield
        except KafkaException as why:
            report()
            reported = self._reason or self._network or self._other or self._all_down
            self._forget()
            raise KafkaUnavailableError(reported or _unexplained(why.args[0])) from why


def _without_time(error: KafkaError) -> str:
    """librdkafka says how long it took, too, with which one cause would be many sentences."""
    return f"{error.str().partition(' (after ')[0]} ({error.name()})"


def _unexplained(error: KafkaError) -> str:
    return NO_ANSWER if error.code() in WITHOUT_A_WORD else sentence(error)


@contextmanager
def kafka_errors() -> Iterator[None]:
    """Raise confluent-kafka's errors and timeouts as `KafkaUnavailableError`."""
    try:
        yield
    except KafkaException as why:
        raise KafkaUnavailableError(sentence(why.args[0])) from why
    except TimeoutError as why:
        raise KafkaUnavailableError(NO_ANSWER) from why
