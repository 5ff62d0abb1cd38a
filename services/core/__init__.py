"""The language of the system: events, topics, errors, offsets, settings. No IO, no clock."""
