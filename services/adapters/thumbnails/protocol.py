"""What the api and the processes that draw say to each other. Apart, so that the api does not load
the libraries that decode pictures.

Asked:    the width, then chunks, each with its length before it; an empty one is the last.
Answered: whether it is drawn, whether the process ends now, and the picture, or why there is none,
          with its length before it.
"""

import struct

WIDTH = struct.Struct(">H")
LENGTH = struct.Struct(">I")
ANSWER = struct.Struct(">??I")
CPU_SECONDS = 10
NEEDS_MEMORY = b"It needs more memory than a thumbnail may take (THUMBNAIL_MEMORY_MB)."
