"""Flow control: retry, circuit breaker, quota, rate, limits and offsets. Pure asyncio, no I/O."""
