"""`drivestream doctor`: what is wrong, and what to do about it, in a report that can be shared.

`command` runs the checks in order: `versions`, `configured` (the settings), `servers`, `drive`, and
for a link `folder` and `assumptions`. Each check gives `findings`. `secrets` removes from all of
them what nobody else may read, and `report` prints them.
"""
