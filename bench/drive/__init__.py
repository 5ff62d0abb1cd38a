"""A small Drive server for benchmarks, independent of `drive_emulator`.

It knows three requests (list a folder, look an item up, get its bytes) and answers them with as
little CPU as Python allows, so that on a small machine the clients are measured and not the server.
"""
