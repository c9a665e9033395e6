"""What the demo needs of the world: progress on the screen, and waiting for facts."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

from rich.console import Console
from rich.status import Status

from everloop_cli.trouble import Trouble

T = TypeVar("T")


class Stage:
    """Prints the story as it happens and keeps what happened for the summary."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = time.monotonic()
        self.chapters: list[dict[str, Any]] = []

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def chapter(self, title: str) -> None:
        self.chapters.append({"title": title, "at_seconds": round(self.seconds, 1)})
        self._console.print(f"\n[bold]{len(self.chapters)}. {title}[/bold]", markup=True)

    def say(self, text: str, style: str | None = None) -> None:
        self._console.print(f"   [dim]{self.seconds:6.1f} s[/dim]  ", end="", markup=True)
        self._console.print(text, style=style, soft_wrap=True)

    def command(self, words: str) -> None:
        self._console.print(f"            $ {words}", style="cyan", soft_wrap=True)

    def wait(
        self,
        what: str,
        probe: Callable[[], T | None],
        *,
        limit: float,
        detail: Callable[[], str] | None = None,
        every: float = 0.25,
    ) -> T:
        """Wait until `probe` gives something, at most `limit` real seconds; raises Trouble then."""
        deadline = time.monotonic() + limit
        last = ""
        with self._console.status(what, spinner="dots") as status:
            while True:
                result = probe()
                if result is not None:
                    return result
                if time.monotonic() > deadline:
                    raise Trouble(f"waited {limit:.0f} s in vain: {what}. {last}".strip())
                if detail is not None:
                    last = self._refresh(status, what, detail(), last)
                time.sleep(every)

    def _refresh(self, status: Status, what: str, now: str, last: str) -> str:
        if now and now != last:
            status.update(f"{what}: {now}")
            if not self._console.is_terminal:
                self.say(now, style="dim")
        return now or last
