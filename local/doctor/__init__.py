"""`drivestream doctor`: what is wrong, what to do about it, and a report that can be shown around.

`command` runs the checks in order: `versions`, `configured` (settings), `servers`, `drive`, and
with a link `folder` and `points`. Each gives `findings`; `secrets` takes out of all of them what
nobody else may read; `shown` prints them.
"""
