"""Partial responses: the `fields` parameter and the names that it may use."""
