"""What requests cost, and what becomes of those who have spent it."""
