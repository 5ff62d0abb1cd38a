"""Running them: processes, their supervision, the data folder, the whole stack."""
