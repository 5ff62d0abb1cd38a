"""Reason codes that more than one module must know; the others live where they are given."""

CONTENT_MISMATCH = "content_mismatch"
"""What arrived is not what Drive said the file is; no object was made of it."""

PAGE_TOKEN_INVALID = "page_token_invalid"
"""Drive no longer knows the place where a listing stood: the folder is listed anew."""

KEY_REFUSED = "key_refused"
"""Google refused GOOGLE_API_KEY."""

CREDENTIALS_REFUSED = "credentials_refused"
"""Google refused the service account of GOOGLE_APPLICATION_CREDENTIALS."""

DRIVE_RATE_LIMITED = "drive_rate_limited"
"""Google asks for a slower pace. That it lasted beyond all patience says nothing about one file."""

DRIVE_UNREACHABLE = "drive_unreachable"
"""No connection to Drive can be made: it is not about the file or folder that was asked for."""

AUTOMATED_QUERIES = "automated_queries"
"""Google's wall: it takes this computer's requests for those of a program that abuses it."""

DAILY_LIMIT = "daily_limit_exceeded"
"""The day's quota of the whole Google Cloud project is used up."""

DOWNLOAD_QUOTA = "download_quota_exceeded"
"""Too many people fetched this one file lately: it is parked, and can be fetched within a day."""

NOT_FOUND = "not_found"
"""There is no such item, or we may not see it, or its resource key was not given."""

GONE = "gone"
"""It was there when its folder was listed, and is not any more, or not for us."""

TRASHED = "trashed"
"""Its owner put it into the trash."""
