"""Addresses: only listed hosts, only public addresses, no redirect, and limits."""

import http.server
import socket
import threading
import time

import pytest

from radpipe.app.viewer.address import fetch, is_public, resolve
from radpipe.core.errors import DataError

HOST = "films.example"
PUBLIC = "93.184.216.34"


class Films(http.server.BaseHTTPRequestHandler):
    """Answers as its path says."""

    def do_GET(self):
        if self.path.startswith("/redirect"):
            self.send_response(302)
            self.send_header("Location", "http://127.0.0.1/secret")
            self.end_headers()
            return
        if self.path.startswith("/missing"):
            self.send_error(404)
            return
        self.send_response(200)
        self.end_headers()
        if self.path.startswith("/slow"):
            for _ in range(100):
                self.wfile.write(b"x")
                self.wfile.flush()
                time.sleep(0.05)
        self.wfile.write(b"a film of " + self.headers["Host"].encode())

    def log_message(self, *args):
        """Be silent."""


@pytest.fixture(scope="module")
def films():
    """Return how to connect to a server, whatever address is asked for, and what was asked for."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Films)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    asked = []

    def connect(address, timeout):
        asked.append(address)
        return socket.create_connection(server.server_address, timeout)

    yield connect, asked
    server.shutdown()
    server.server_close()


def get(films, url, addresses=(PUBLIC,), **limits):
    connect, _ = films
    return fetch(url, [HOST], resolve=lambda *_: list(addresses), connect=connect, **limits)


def test_a_file_is_fetched_from_the_address_that_was_checked(films):
    assert get(films, f"http://{HOST}/film.png?a=b") == b"a film of films.example"
    assert films[1][-1] == (PUBLIC, 80)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ftp://films.example/a", "must begin with https:// or http://"),
        ("file:///etc/passwd", "must begin with"),
        ("films.example/a", "must begin with"),
        ("http://elsewhere.example/a", "fetched from films.example only"),
        ("http://films.example.evil.example/a", "fetched from films.example only"),
        ("http://evil-films.example/a", "fetched from films.example only"),
        ("http://127.0.0.1/a", "fetched from films.example only"),
        ("http://films.example@127.0.0.1/a", "must not hold a name"),
        ("http://me:secret@films.example/a", "must not hold a name"),
        ("http://films.example:22/a", "must not name a port"),
        ("http://films.example:x/a", "no address"),
        ("http://[films.example/a", "no address"),
        ("http://films.example/a b", "must be escaped"),
        ("http://films.example/redirect", "leads on to another one"),
        ("http://films.example/missing", "HTTP 404"),
    ],
)
def test_what_is_not_allowed_is_refused(films, url, said):
    with pytest.raises(DataError, match=said):
        get(films, url)


def test_one_private_address_among_several_is_enough_to_refuse(films):
    before = len(films[1])
    with pytest.raises(DataError, match="private network"):
        get(films, f"http://{HOST}/", [PUBLIC, "10.0.0.1"])
    assert len(films[1]) == before


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "0.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254",
        "100.64.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::1", "::", "fe80::1",
        "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
        "64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:7f00:1::", "::7f00:1", "fec0::1",
        "192.88.99.1", "3fff::1", "::ffff:0:7f00:1", "64:ff9b:1::a00:1", "not an address",
    ],
)  # fmt: skip
def test_what_is_not_for_everybody_is_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:2800:220:1::1", "::ffff:8.8.8.8"])
def test_what_is_for_everybody_is_public(address):
    assert is_public(address)


def test_it_has_an_end_in_time_and_size(films):
    with pytest.raises(DataError, match=r"longer than 0\.3 seconds"):
        get(films, f"http://{HOST}/slow", seconds=0.3)
    with pytest.raises(DataError, match="larger than 0 MB"):
        get(films, f"http://{HOST}/film.png", most=4)


def test_nobody_there_is_said(films):
    def refused(*_):
        raise ConnectionRefusedError

    with pytest.raises(DataError, match="gave no file"):
        fetch(f"http://{HOST}/", [HOST], resolve=lambda *_: [PUBLIC], connect=refused)
    with pytest.raises(DataError, match="not known here"):
        resolve("nobody.invalid", 80)


def test_https_asks_for_the_certificate_of_the_name(films):
    """The server speaks plain HTTP, which a client that checks certificates refuses."""
    with pytest.raises(DataError, match=r"gave no file \(SSL"):
        get(films, f"https://{HOST}/")
    assert films[1][-1] == (PUBLIC, 443)
