"""A picture from an address: only from hosts that the operator lists, and never from inside.

A name is resolved once; if any of its addresses is private, loopback, link-local or otherwise not
for everybody, it is refused, and the connection goes to the address that was checked, so that a
second answer of the name server changes nothing. Redirects are not followed.
"""

import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from urllib.parse import SplitResult, urlsplit

from radpipe.app.viewer.limits import MAX_DOWNLOAD_SECONDS, MAX_FILE, MEGA
from radpipe.core.errors import DataError

PORTS = {"http": 80, "https": 443}
# Networks of IPv6 that carry an address of IPv4, which may be a private one: NAT64 (RFC 6052 and
# 8215), 6to4 (RFC 3056), Teredo (RFC 4380), and the deprecated compatible ones (RFC 4291).
CARRIERS = [
    ipaddress.ip_network(each)
    for each in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96")
]
# Not for everybody, whatever the table of Python says: site-local addresses (RFC 3879), relays of
# 6to4 (RFC 7526), and examples (RFC 9637).
LOCAL = [ipaddress.ip_network(each) for each in ("fec0::/10", "192.88.99.0/24", "3fff::/20")]
BLOCK = 1 << 16
Connect = Callable[[tuple[str, int], float], socket.socket]
Resolve = Callable[[str, int], list[str]]


def resolve(host: str, port: int) -> list[str]:
    """Return all addresses of a host.

    Raises
    ------
    DataError
        It has none.

    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise DataError("The address's host is not known here.") from None
    return [str(each[4][0]) for each in found]


def fetch(
    url: str,
    hosts: Collection[str],
    *,
    resolve: Resolve = resolve,
    connect: Connect = socket.create_connection,
    seconds: float = MAX_DOWNLOAD_SECONDS,
    most: int = MAX_FILE,
) -> bytes:
    """Fetch one file.

    Parameters
    ----------
    url
        Its address, http or https.
    hosts
        From which files may be fetched; names must be equal, not only end alike.
    resolve, connect
        Who answers for names, and opens connections.
    seconds, most
        It takes at most so long, and has at most so many bytes.

    Raises
    ------
    DataError
        What about the address, the host or its answer is not allowed.

    """
    deadline = time.monotonic() + seconds
    parts = _checked(url, hosts)
    host, port = str(parts.hostname), PORTS[parts.scheme]
    addresses = resolve(host, port)
    if not addresses or not all(map(is_public, addresses)):
        raise DataError("The address leads into a private network, from which nothing is fetched.")
    target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    try:
        with _opened((addresses[0], port), parts, connect, deadline) as stream:
            # Whoever sends a byte now and then is cut off all the same.
            timer = threading.Timer(_left(deadline), _cut, [stream])
            timer.start()
            try:
                found = _asked(stream, host, target, deadline, most)
            finally:
                timer.cancel()
            _left(deadline)
            return found
    except TimeoutError:
        raise DataError(f"The address took longer than {seconds:g} seconds.") from None
    except (OSError, http.client.HTTPException) as error:
        raise DataError(f"The address gave no file ({type(error).__name__}).") from None


def is_public(address: str) -> bool:
    """Tell whether an address is for everybody: no private, local, mapped or reserved one."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return is_public(str(found.ipv4_mapped))
        if any(found in network for network in CARRIERS):
            return False
    if any(found in network for network in LOCAL):
        return False
    return found.is_global and not found.is_multicast and not found.is_reserved


def _checked(url: str, hosts: Collection[str]) -> SplitResult:
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        raise DataError("This is no address.") from None
    if parts.scheme not in PORTS:
        raise DataError("The address must begin with https:// or http://.")
    if parts.username is not None or parts.password is not None:
        raise DataError("The address must not hold a name or a password.")
    if port not in (None, PORTS[parts.scheme]):
        raise DataError("The address must not name a port.")
    host = (parts.hostname or "").lower()
    if host not in {each.lower() for each in hosts}:
        raise DataError(
            f"Files are fetched from {', '.join(sorted(hosts)) or 'nowhere'} only. Whoever started"
            " the page lists hosts with radpipe app --allow-host HOST."
        )
    if any(not 32 < ord(sign) < 127 for sign in parts.path + parts.query):
        raise DataError("The address holds signs that must be escaped.")
    return parts


def _opened(
    address: tuple[str, int], parts: SplitResult, connect: Connect, deadline: float
) -> socket.socket:
    plain = connect(address, _left(deadline))
    if parts.scheme == "http":
        return plain
    # The certificate is that of the name, although the connection goes to a number. Hands are
    # shaken later, when a timer runs.
    return ssl.create_default_context().wrap_socket(
        plain, server_hostname=parts.hostname, do_handshake_on_connect=False
    )


def _cut(stream: socket.socket) -> None:
    with suppress(OSError):
        stream.shutdown(socket.SHUT_RDWR)


def _asked(stream: socket.socket, host: str, target: str, deadline: float, most: int) -> bytes:
    """Ask for a file over an open connection, and read it within the limits."""
    connection = http.client.HTTPConnection(host)
    connection.sock = stream
    stream.settimeout(_left(deadline))
    if isinstance(stream, ssl.SSLSocket):
        stream.do_handshake()
    connection.putrequest("GET", target, skip_accept_encoding=True)
    connection.putheader("Accept-Encoding", "identity")
    connection.putheader("Connection", "close")
    connection.endheaders()
    response = connection.getresponse()
    if 300 <= response.status < 400:
        raise DataError("The address leads on to another one, which is not followed.")
    if response.status != 200:
        raise DataError(f"The address gave no file (HTTP {response.status}).")
    pieces: list[bytes] = []
    size = 0
    while True:
        stream.settimeout(_left(deadline))
        piece = response.read1(BLOCK)
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)
        size += len(piece)
        if size > most:
            raise DataError(f"The file is larger than {most // MEGA} MB.")


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
