"""What requests cost, and what happens when the quota is spent."""
