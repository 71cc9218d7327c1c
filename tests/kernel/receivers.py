"""Receivers on loopback for the ports' tests: real servers that keep what reached them."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


@dataclass
class Request:
    """One request that arrived."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return msgspec.json.decode(self.body)


@dataclass
class HttpReceiver:
    """What arrived, and what to answer: (status, headers, body)."""

    url: str
    requests: list[Request] = field(default_factory=list)
    answer: Callable[[Request], tuple[int, dict[str, str], bytes]] = lambda request: (200, {}, b"{}")


@contextmanager
def http_receiver(tls: ssl.SSLContext | None = None) -> Iterator[HttpReceiver]:
    """A server that answers every POST as its `answer` says."""
    receiver = HttpReceiver("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            request = Request(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
            receiver.requests.append(request)
            status, headers, content = receiver.answer(request)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                self.wfile.write(content)
            except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
                self.close_connection = True  # the sender had heard enough

        def log_message(self, *arguments: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    receiver.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def silent_receiver(first: bytes) -> Iterator[str]:
    """A server that says `first`, then a byte at a time for ever, faster than any pause would be noticed."""
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def talk(connection: socket.socket) -> None:
        with connection:
            try:
                connection.recv(65536)
                connection.sendall(first)
                while not stop.wait(0.02):
                    connection.sendall(b"x")
            except OSError:
                return

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        stop.set()
        listener.close()


@dataclass
class SmtpReceiver:
    """A small SMTP server (RFC 5321): what arrived, and which code it gives a recipient."""

    port: int = 0
    mails: list[tuple[str, list[str], bytes]] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    recipient_code: int = 250
    secured: list[bool] = field(default_factory=list)


def _converse(
    connection: socket.socket, receiver: SmtpReceiver, tls: ssl.SSLContext | None, at_once: bool
) -> None:
    if tls is not None and at_once:
        connection = tls.wrap_socket(connection, server_side=True)
    secured = at_once
    lines = connection.makefile("rb")
    sender, recipients = "", []

    def say(text: str) -> None:
        connection.sendall(text.encode() + b"\r\n")

    say("220 receiver")
    while line := lines.readline():
        word = line.strip().decode().upper()
        if word.startswith("EHLO"):
            offers = ["STARTTLS"] if tls is not None and not secured else ["AUTH PLAIN"]
            say("\r\n".join(["250-receiver", *(f"250-{o}" for o in offers), "250 8BITMIME"]))
        elif word == "STARTTLS" and tls is not None:
            say("220 go on")
            connection = tls.wrap_socket(connection, server_side=True)
            lines, secured = connection.makefile("rb"), True
        elif word.startswith("AUTH"):
            receiver.logins.append(line.strip().decode().rpartition(" ")[2])
            say("235 welcome")
        elif word.startswith("MAIL"):
            sender, recipients = line.decode().partition("<")[2].partition(">")[0], []
            say("250 ok")
        elif word.startswith("RCPT"):
            recipients.append(line.decode().partition("<")[2].partition(">")[0])
            say(f"{receiver.recipient_code} so be it")
        elif word == "DATA":
            say("354 go on")
            body = b""
            while (part := lines.readline()) != b".\r\n":
                body += part
            receiver.mails.append((sender, recipients, body))
            receiver.secured.append(secured)
            say("250 taken")
        elif word == "QUIT":
            say("221 bye")
            return
        else:
            say("250 ok")


@contextmanager
def smtp_receiver(tls: ssl.SSLContext | None = None, *, at_once: bool = False) -> Iterator[SmtpReceiver]:
    """An SMTP server on loopback, with STARTTLS or with TLS from the first byte."""
    listener = socket.create_server(("127.0.0.1", 0))
    receiver = SmtpReceiver(listener.getsockname()[1])

    def one(connection: socket.socket) -> None:
        with connection:
            try:
                _converse(connection, receiver, tls, at_once)
            except OSError:
                return

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=one, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield receiver
    finally:
        listener.close()


def certificate(folder: Path, *names: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """(server's, client's) contexts of a fresh certificate for host names and addresses."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "receiver")])
    alternative: list[x509.GeneralName] = []
    for name in names:
        try:
            alternative.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            alternative.append(x509.DNSName(name))
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(alternative), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "receiver.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    client = ssl.create_default_context(cadata=made.public_bytes(serialization.Encoding.PEM).decode())
    return server, client
