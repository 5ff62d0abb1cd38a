"""The version of Drivestream. An image holds the code alone, not the package's metadata, so the
version cannot be looked up there. A test compares it with pyproject.toml."""

VERSION = "0.1.0"
