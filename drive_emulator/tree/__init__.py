"""Folders and files: where they are, what they are called, and what was changed since."""
