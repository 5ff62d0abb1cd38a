"""`python -m local` is `drivestream`."""

import sys

from local.cli import main

sys.exit(main())
