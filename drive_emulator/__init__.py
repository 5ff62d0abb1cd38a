"""A Google Drive v3 server for tests and demos, with files that are computed, not stored.

The way of a request: `asgi` reads it, `app` leads it past `access`, `quota` and `faults` to the
handler that `routing` finds; `listing` walks the `forest` by the plan that `query` and `matching`
make of `q`, in the order of `walking`; `resource` and `mask` describe files; `handing` decides who
gets bytes, `media` sends them.

The way of a file: a `tree` is a `layout`, by arithmetic or `listed`, and the `overlay` of what was
changed since; that says which `entry` is at an ordinal. `seal` makes the id, `stock` has the bytes,
which `pool` paints, `beside` the event loop, and `containers` make unique. `trees` reads what is
to be planted, `written` and `drafting` item by item; `changes` and `mutation` change it.
"""
