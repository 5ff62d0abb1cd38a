"""Health checks over HTTP."""

import http.client
import urllib.error
import urllib.request

# A proxy in the environment is for other machines; everything asked here runs on this one.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def http_problem(name: str, url: str, timeout_s: float = 2.0) -> str | None:
    """None if the address answers with success, else a sentence about what went wrong."""
    try:
        with OPENER.open(url, timeout=timeout_s):
            return None
    except urllib.error.HTTPError as error:
        with error:
            body = error.read(300).decode(errors="replace").strip()
        return f"{name} answers {error.code} at {url}: {body}"
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        return f"{name} does not answer at {url} yet: {getattr(reason, 'strerror', None) or reason}"
