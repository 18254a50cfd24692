"""A web server on this machine that misbehaves as told."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from radpipe.studies.base import download


class Server:
    """Serves `content` at every path; each request takes the next of `plan`, then all is well.

    Acts: "500" and other codes answer that; "break" sends half of what it promised;
    "whole" ignores the Range header; "nothing" promises all and sends nothing.
    """

    def __init__(self) -> None:
        self.content = bytes(range(256)) * 40
        self.plan: list[str] = []
        self.ranges: list[str | None] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.answer(self)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        wanted = handler.headers.get("Range")
        self.ranges.append(wanted)
        act = self.plan.pop(0) if self.plan else "well"
        if act.isdigit():
            handler.send_error(int(act))
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and act != "whole" else 0
        body = self.content[start:]
        handler.send_response(206 if start else 200)
        if start:
            size = len(self.content)
            handler.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        sent = {"break": len(body) // 2, "nothing": 0}.get(act, len(body))
        handler.wfile.write(body[:sent])


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Return a running server; downloads do not wait between tries."""
    monkeypatch.setattr(download, "BACK_OFF_SECONDS", 0.0)
    running = Server()
    yield running
    running.http.shutdown()
    running.http.server_close()
