"""A real browser for tests: Debian's Chromium, asked through its DevTools protocol over a pipe.

No driver and no port: the protocol's messages, each ended by a zero byte, go through two file
descriptors (https://chromedevtools.github.io/devtools-protocol/). Nothing is fetched: every address
but `file:` and `data:`, and of this machine where a test says so, leads nowhere, and is noted.
"""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
# Set by .ci/run: a browser that is missing there is a mistake of CI, and no reason to skip.
REQUIRED = "RADPIPE_NEEDS_BROWSER"
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--no-first-run",
    "--remote-debugging-pipe",
)
NOWHERE = "--host-resolver-rules=MAP * ~NOTFOUND"


class Browser:
    """A browser with one open page.

    Attributes
    ----------
    asked
        Addresses that the page asked for, besides `data:`; the page itself is the first.

    """

    def __init__(self, write: int, read: int) -> None:
        self._write, self._read = write, read
        self._n, self._session, self._rest = 0, "", b""
        self.asked: list[str] = []
        self._events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        opened = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = opened["sessionId"]
        for domain in ("Page", "Network", "Runtime"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Ask the browser; what it tells meanwhile is noted."""
        self._n += 1
        message: dict[str, Any] = {"id": self._n, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._n:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]

    def open(
        self, page: Path | str, *, width: int, dark: bool = False, scripts: bool = True
    ) -> Self:
        """Open a file or an address, of a width in CSS pixels, and wait until it is laid out."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", media="", features=[scheme])
        self.call("Emulation.setScriptExecutionDisabled", value=not scripts)
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=900, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip
        self._events.clear()
        self.asked.clear()
        self.call("Page.navigate", url=page if isinstance(page, str) else page.absolute().as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self._events):
            self._next()
        return self

    def tell(self, script: str) -> Any:
        """Return what an expression of JavaScript gives, as JSON holds it."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def wait(self, script: str, seconds: float = 30) -> None:
        """Wait until an expression of JavaScript is true."""
        end = time.monotonic() + seconds
        while not self.tell(f"Boolean({script})"):
            assert time.monotonic() < end, f"not within {seconds} seconds: {script}"
            time.sleep(0.05)

    def press(self, key: str, code: int, text: str = "") -> None:
        """Press a key of the keyboard and let go of it."""
        named = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **named)
        self.call("Input.dispatchKeyEvent", type="keyUp", **named)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            block = os.read(self._read, 1 << 16)
            assert block, "the browser has ended"
            self._rest += block
        line, self._rest = self._rest.split(b"\0", 1)
        message: dict[str, Any] = json.loads(line)
        if "method" in message:
            self._events.append(message)
            self._note(message)
        return message

    def _note(self, event: dict[str, Any]) -> None:
        if event["method"] == "Network.requestWillBeSent":
            url = event["params"]["request"]["url"]
            if not url.startswith("data:"):
                self.asked.append(url)


@contextmanager
def browser(folder: Path, *, local: bool = False) -> Iterator[Browser]:
    """Start a browser whose files lie in `folder`; skip the test where there is none.

    With `local` it reaches servers on this machine.
    """
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        reason = "no Chromium; CI installs it (apt-get install chromium)"
        if os.environ.get(REQUIRED):
            pytest.fail(f"{REQUIRED} is set, and there is {reason}")
        pytest.skip(reason)
    there, back = os.pipe(), os.pipe()
    with subprocess.Popen(
        ["bash", "-c", f'exec "$@" 3<&{there[0]} 4>&{back[1]}', "-", program, *OPTIONS,
         f"{NOWHERE}, EXCLUDE localhost" if local else NOWHERE, f"--user-data-dir={folder}"],
        pass_fds=(there[0], back[1]), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        os.close(there[0])
        os.close(back[1])
        try:
            yield Browser(there[1], back[0])
        finally:
            process.terminate()
            os.close(there[1])
            os.close(back[0])
