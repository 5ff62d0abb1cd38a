"""Running everything: processes and their supervision, the data folder, the whole stack."""
