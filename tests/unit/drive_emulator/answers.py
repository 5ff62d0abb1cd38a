"""How tests read an error."""

import httpx


def reason(answer: httpx.Response) -> tuple[int, str, str]:
    """Status, reason and location of an error."""
    error = answer.json()["error"]
    assert error["code"] == answer.status_code
    first = error["errors"][0]
    assert first["message"] == error["message"]
    return answer.status_code, first["reason"], first.get("location", "")
