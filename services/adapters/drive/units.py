"""What a request costs of Google's quota, in Google's units.

Source: the usage limits of the Drive API since 1 May 2026 (drive-api.md §0.1). Google does not say
whether `alt=media` counts as a download, so the more expensive reading is taken.
"""

LIST = 100
GET = 5
DOWNLOAD = 200
