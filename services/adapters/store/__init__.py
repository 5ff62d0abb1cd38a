"""The S3-compatible object store: bytes, the bucket, and addresses for browsers."""
