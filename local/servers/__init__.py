"""The servers that Drivestream needs, one module each; `server` says what they have in common."""
