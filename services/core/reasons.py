"""Reason codes that more than one module must know; the others live where they are given."""

CONTENT_MISMATCH = "content_mismatch"
"""What arrived is not what Drive said the file is; no object was made of it."""

PAGE_TOKEN_INVALID = "page_token_invalid"
"""Drive no longer knows the place where a listing stood: the folder is listed anew."""

KEY_REFUSED = "key_refused"
"""Google refused GOOGLE_API_KEY."""

DRIVE_UNREACHABLE = "drive_unreachable"
"""No connection to Drive can be made: it is not about the file or folder that was asked for."""
