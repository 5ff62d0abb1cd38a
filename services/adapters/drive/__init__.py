"""Google Drive v3: folder pages and file bytes, through httpx on connections of aiohttp."""

from services.adapters.drive.client import Drive, open_drive

__all__ = ["Drive", "open_drive"]
