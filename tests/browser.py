"""A real Chromium, driven by its own protocol: nothing is downloaded for it."""

import base64
import itertools
import json
import re
import shutil
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

CHROMIUM = next(
    (found for name in ("chromium", "google-chrome") if (found := shutil.which(name))), None
)
_PATIENCE_S = 60


class Browser:
    """One window. `go` opens an address, `ask` evaluates JavaScript there.

    `failures` has what the browser complained of: exceptions, and what a policy refused.
    """

    def __init__(self, profile: Path) -> None:
        assert CHROMIUM is not None
        words = ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars")
        own = ("--remote-debugging-port=0", "--no-first-run", "--disable-background-networking")
        self._process = subprocess.Popen(
            [CHROMIUM, *words, *own, f"--user-data-dir={profile}", "about:blank"],
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        self._numbers = itertools.count(1)
        self._session = ""
        self.failures: list[str] = []
        self._connected = ExitStack()
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

    def _begin(self) -> None:
        assert self._process.stderr is not None
        said, place = "", None
        for line in self._process.stderr:
            said += line
            if place := re.search(r"ws://\S+", line):
                break
        assert place is not None, f"the browser did not start: {said}"
        self._socket = self._connected.enter_context(connect(place[0], max_size=None))
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        attached = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._call(f"{domain}.enable")

    def close(self) -> None:
        self._connected.close()
        self._process.terminate()
        self._process.wait(30)
        assert self._process.stderr is not None
        self._process.stderr.close()

    def look(self, width: int, height: int, scheme: str = "light") -> None:
        """Be a screen of this size, in this scheme of colours."""
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._call("Emulation.setEmulatedMedia", features=features)

    def go(self, address: str) -> None:
        """Open an address, and wait until all of it is there."""
        self.ask("window.before = true")
        answer = self._call("Page.navigate", url=address)
        assert "errorText" not in answer, f"{address}: {answer}"
        self.until("document.readyState === 'complete' && !window.before")

    def ask(self, expression: str) -> Any:
        answer = self._call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def until(self, expression: str, seconds: float = _PATIENCE_S) -> Any:
        """Wait until an expression is true; return its value."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                found = self.ask(expression)
            except AssertionError:
                found = None  # the page is being replaced
            if found:
                return found
            assert time.monotonic() < deadline, f"not within {seconds} s: {expression}"
            time.sleep(0.05)

    def press(self, key: str) -> None:
        code = {"Tab": 9, "Enter": 13}[key]
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            self._call(
                "Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, **text
            )

    def type(self, text: str) -> None:
        self._call("Input.insertText", text=text)

    def picture(self, path: Path) -> None:
        shot = self._call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        self._socket.send(json.dumps(message))
        while True:
            answer = json.loads(self._socket.recv(timeout=_PATIENCE_S))
            if answer.get("id") == number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                found: dict[str, Any] = answer["result"]
                return found
            self._note(answer)

    def _note(self, event: dict[str, Any]) -> None:
        parameters = event.get("params", {})
        if event.get("method") == "Runtime.exceptionThrown":
            self.failures.append(str(parameters["exceptionDetails"]))
        entry = parameters.get("entry", {}) if event.get("method") == "Log.entryAdded" else {}
        if entry.get("level") == "error":
            self.failures.append(f"{entry.get('text')} {entry.get('url')}")
