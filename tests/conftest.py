"""What holds for all tests: no verdict depends on how fast this machine happens to be, and a cloud
that is started as a process checks every answer of its own."""

import os

from hypothesis import settings

settings.register_profile("everloop", deadline=None)
settings.load_profile("everloop")
os.environ.setdefault("LOCALCLOUD_STRICT", "1")
