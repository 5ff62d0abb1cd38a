"""A Google Drive v3 server for tests and demos, whose files are computed, not stored.

Each folder uses only those named before it: `http` speaks HTTP as Google does, `auth` identifies
callers, `fields` selects parts of responses, `content` makes the bytes of files, `tree` arranges
them in folders, `drive_api` implements Drive's methods, `quota` and `faults` act on requests before
those do, and `control` is the API below `/_emu` for tests. `app` puts them together, `options`
reads the command line, and `testing` starts the emulator for a test.
"""
