"""Commands that compare the bucket with the rows: `verify` reports, and `prune` removes objects
that no row points to. Both run to their end and leave nothing running."""
