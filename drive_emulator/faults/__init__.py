"""Faulty responses, by rules that tests write."""
