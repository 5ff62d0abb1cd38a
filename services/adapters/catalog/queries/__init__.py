"""The SQL of what the catalog is asked, put together and not run."""
