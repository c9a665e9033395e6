"""Everloop's shared core: pure decisions, and the one door to AWS in `everloop.aws`."""
