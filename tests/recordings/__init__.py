"""What earlier versions wrote: events, tables, and what their API said. See README.md."""
