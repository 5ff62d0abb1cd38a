"""Thumbnails, drawn in processes of their own."""
