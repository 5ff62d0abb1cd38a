"""The one HTTP question of the readiness checks: does an address answer with success?"""

import http.client
import urllib.error
import urllib.request

# The proxy of the environment is for the outside; what we ask stands on this machine.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def answers(name: str, url: str, limit_s: float = 2.0) -> str | None:
    """None if the address answers with success, else a sentence that says what it did."""
    try:
        with OPENER.open(url, timeout=limit_s):
            return None
    except urllib.error.HTTPError as error:
        with error:
            said = error.read(300).decode(errors="replace").strip()
        return f"{name} answers {error.code} at {url}: {said}"
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        return f"{name} does not answer at {url} yet: {reason}"
