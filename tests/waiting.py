"""Wait for what happens in its own time, within bounds."""

import time
from collections.abc import Callable
from typing import Any


def until(
    read: Callable[[], Any],
    good: Callable[[Any], Any],
    seconds: float = 60,
    poll: float = 0.05,
) -> Any:
    """Read again and again until the answer is good; return it."""
    deadline = time.monotonic() + seconds
    while True:
        answer = read()
        if good(answer):
            return answer
        assert time.monotonic() < deadline, f"not within {seconds} s; last seen: {answer}"
        time.sleep(poll)
