"""What a person sees: the progress of an import, and the addresses of what runs."""
