"""What the catalog answers. The API shows these structs.

Sizes are bytes, times UTC, checksums lower-case hex. `path` is the folders from the import's root
down to the file, joined by `/` (root excluded, so it is empty for a file right in the root).
"""
