"""Google Drive v3: folder pages and file bytes, through httpx on connections of aiohttp."""
