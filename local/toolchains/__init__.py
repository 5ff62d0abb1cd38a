"""What the servers need: the machine's own programs, or else a download in the user's cache."""
