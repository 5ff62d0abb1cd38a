"""A Google Drive v3 server for tests and demos, with files that are computed, not stored.

The way of a request: `asgi` reads it, `gates` let it pass, `app` picks the method; `listing` walks
the `forest` by the plan that `query` and `matching` make of `q`; `resource` and `mask` describe
files; `media` sends bytes. The way of a file: `layout` says what is at an ordinal, `seal` makes
the id, `stock` has the bytes, which `pool` paints, `beside` the event loop, and `containers` make
unique.
"""
