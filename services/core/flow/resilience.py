"""Retry inside a circuit breaker: what surrounds every call to an outside system."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from services.core.errors import Stop, TryAgain, Verdict
from services.core.flow.circuit_breaker import PATIENCE, CircuitBreaker
from services.core.flow.retry import OnFailure, RetryPolicy, retried

T = TypeVar("T")


class _Foreign(Exception):
    """Its only argument is a verdict of another system, which passes through untouched."""


class Resilience:
    """For one outside system. Verdicts that name another system are not its business."""

    def __init__(self, system: str, policy: RetryPolicy, breaker: CircuitBreaker) -> None:
        self._system = system
        self._policy = policy
        self.breaker = breaker

    async def call(
        self,
        act: Callable[[], Awaitable[T]],
        *,
        on_failure: OnFailure = lambda _: None,
        patience: float = PATIENCE,
        retry_corrupt: bool = True,
    ) -> T:
        """The value of `act()`. Raises `SetAside` where the item itself is at fault.

        Everything that is not the item's fault is waited out. Cancelled, it ends at once.
        """

        async def own() -> T:
            try:
                return await act()
            except (TryAgain, Stop) as why:
                if why.system not in ("", self._system):
                    raise _Foreign(why) from why
                raise

        try:
            return await self.breaker.call(
                lambda: retried(self._policy, own, on_failure, retry_corrupt=retry_corrupt),
                patience=patience,
            )
        except _Foreign as foreign:
            why: Verdict = foreign.args[0]
            raise why from why.__cause__
