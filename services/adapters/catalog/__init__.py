"""PostgreSQL: the only place where column names are written. One writer (indexer), one reader."""
