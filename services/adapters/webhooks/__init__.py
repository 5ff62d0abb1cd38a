"""The receivers of webhooks, and how they are called."""
