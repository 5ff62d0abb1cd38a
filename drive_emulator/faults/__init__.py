"""Answers that go wrong, by rules that tests write."""
