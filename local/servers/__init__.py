"""The servers of one machine: what a server is, and one module for each."""
