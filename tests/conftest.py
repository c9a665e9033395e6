"""What holds for all tests: no verdict depends on how fast this machine happens to be."""

from hypothesis import settings

settings.register_profile("everloop", deadline=None)
settings.load_profile("everloop")
