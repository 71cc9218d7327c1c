"""HTTP to the outside, with limits: one time for the whole exchange, a bounded answer, no redirects.

Built on httpcore (what httpx stands on), since a guarded address has to be resolved once, judged, and then
connected to as it was judged; httpx has no door for that. Imported by the drivers at their first message.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from time import monotonic
from urllib.parse import urlsplit

import httpcore

from civicloop.kernel.label import Label
from civicloop.kernel.outside.delivery import DeliveryFailed
from civicloop.kernel.time.clock import SECOND

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

SECONDS = 10.0
ANSWER_BYTES = 1 << 16
BODY_BYTES = 1 << 20

_WRONG_URL = Label("地址“{url}”不是可用的https地址。", "{url} is not a usable https address.")
_PRIVATE = Label(
    "{host}指向内部网络，不允许发送。", "{host} leads into an internal network; nothing is sent there."
)
_UNKNOWN = Label("找不到{host}。", "{host} can't be found.")
_LATE = Label("{host}没有在{seconds:.0f}秒内应答。", "{host} did not answer within {seconds:.0f} seconds.")
_BROKEN = Label("与{host}的连接失败。", "The connection to {host} failed.")
_STATUS = Label("{host}应答{status}。", "{host} answered {status}.")
_REDIRECT = Label(
    "{host}要求转到别处（应答{status}），不予跟随。", "{host} redirects ({status}), which is not followed."
)
_LARGE = Label("消息太大，最多{most}字节。", "The message is too large; at most {most} bytes are sent.")

# Worth another try although they are the sender's fault by number.
_PASSING = {408, 409, 425, 429}


class PrivateAddress(httpcore.ConnectError):
    """The name leads to an address that is not public."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A 2xx answer; the body is cut at 64 KB."""

    status: int
    body: bytes


def is_public(address: Address) -> bool:
    """Whether an address is on the open Internet, also the IPv4 one that an IPv6 one carries."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo and address.teredo[1])
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner:
            return is_public(inner)
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class _Timed(httpcore.NetworkBackend):
    """Connects within what is left of the time; with `guard`, only to public addresses or `allowed` ones."""

    def __init__(self, seconds: float, guard: bool, allowed: Sequence[Network]) -> None:
        self._until = monotonic() + seconds
        self._guard = guard
        self._allowed = allowed
        self._plain = httpcore.SyncBackend()

    def left(self) -> float:
        left = self._until - monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the time is over")
        return left

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - ours is the whole exchange's
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        if self._guard:
            host = self._judged(host, port)
        stream = self._plain.connect_tcp(host, port, self.left(), local_address, socket_options)
        return _Stream(stream, self)

    def _judged(self, host: str, port: int) -> str:
        """The address to connect to: looked up once, all of the name's addresses judged."""
        found = [
            ipaddress.ip_address(str(info[4][0]).partition("%")[0])
            for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        ]
        for address in found:
            if not is_public(address) and not any(address in network for network in self._allowed):
                raise PrivateAddress(host)
        return str(found[0])


class _Stream(httpcore.NetworkStream):
    """A stream whose every step shares what is left of the time."""

    def __init__(self, stream: httpcore.NetworkStream, timed: _Timed) -> None:
        self._stream = stream
        self._timed = timed

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        return self._stream.read(max_bytes, self._timed.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        self._stream.write(buffer, self._timed.left())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, self._timed.left()), self._timed)

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)


@cache
def _trust() -> ssl.SSLContext:
    return ssl.create_default_context()


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    guard: bool,
    allowed: Sequence[Network] = (),
    seconds: float = SECONDS,
    trust: ssl.SSLContext | None = None,
) -> Answer:
    """Posts and returns a 2xx answer; DeliveryFailed for all else, its sentence without the URL's secrets.

    `guard` is for addresses that others chose: https only, public addresses only, except within `allowed`.
    """
    host = _host(url, guard=guard, allowed=allowed)
    if len(body) > BODY_BYTES:
        raise DeliveryFailed(_LARGE.filled(most=BODY_BYTES), permanent=True)
    backend = _Timed(seconds, guard, allowed)
    try:
        with (
            httpcore.ConnectionPool(
                ssl_context=trust or _trust(), network_backend=backend, max_keepalive_connections=0
            ) as pool,
            pool.stream("POST", url, headers=list(headers.items()), content=body) as response,
        ):
            status, wait = response.status, _retry_after(response.headers)
            content = _head_of(response)
    except PrivateAddress as error:
        raise DeliveryFailed(_PRIVATE.filled(host=host), permanent=True) from error
    except httpcore.TimeoutException as error:
        raise DeliveryFailed(_LATE.filled(host=host, seconds=seconds)) from error
    except socket.gaierror as error:
        raise DeliveryFailed(_UNKNOWN.filled(host=host)) from error
    except (httpcore.NetworkError, httpcore.ProtocolError, OSError, UnicodeError) as error:
        raise DeliveryFailed(_BROKEN.filled(host=host)) from error
    if 200 <= status < 300:
        return Answer(status, content)
    if 300 <= status < 400:
        raise DeliveryFailed(_REDIRECT.filled(host=host, status=status), permanent=True)
    permanent = 400 <= status < 500 and status not in _PASSING
    raise DeliveryFailed(_STATUS.filled(host=host, status=status), permanent=permanent, retry_after=wait)


def _head_of(response: httpcore.Response) -> bytes:
    content = b""
    for chunk in response.iter_stream():
        content += chunk
        if len(content) >= ANSWER_BYTES:
            break
    return content[:ANSWER_BYTES]


def _host(url: str, *, guard: bool, allowed: Sequence[Network]) -> str:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
        schemes = {"https"} if guard and not allowed else {"https", "http"}
        url.encode("ascii")
    except ValueError:
        host = None
    if not host or parts.scheme not in schemes or parts.username is not None:
        shown = f"{url.partition('?')[0][:60]}"
        raise DeliveryFailed(_WRONG_URL.filled(url=shown), permanent=True)
    return host


def _retry_after(headers: Sequence[tuple[bytes, bytes]]) -> int:
    """Microseconds of a Retry-After in seconds; 0 without one."""
    for name, value in headers:
        if name.lower() == b"retry-after" and value.isdigit():
            return min(int(value), 86_400) * SECOND
    return 0
