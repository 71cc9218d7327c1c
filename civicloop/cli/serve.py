"""`civicloop serve`: the district's server."""

from __future__ import annotations

import argparse
import gc
import socket
import ssl

import uvicorn

from civicloop.app import build
from civicloop.cli import demo
from civicloop.kernel.registry.district import District, Settings, open_district
from civicloop.web.hot import HotWays
from civicloop.web.wire import wire

BACKLOG = 2048
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def arguments(parser: argparse.ArgumentParser) -> None:
    """No arguments: the environment says all (CIVICLOOP_HOST, _PORT, _DATA, _DATABASE, _DEMO, _TLS_CERT, _TLS_KEY)."""
    parser.epilog = (
        "CIVICLOOP_HOST, CIVICLOOP_PORT (0: a free one), CIVICLOOP_DATA, CIVICLOOP_DATABASE, CIVICLOOP_DEMO"
    )


def run(given: argparse.Namespace, settings: Settings) -> int:  # noqa: ARG001
    """Opens the district and serves until it is told to stop."""
    check(settings)
    listener = _listen(settings)
    district = open_district(settings)
    try:
        if demo.wanting(district):
            demo.make()
        # Whoever reads the address may come at once: he waits a moment and is not refused.
        listener.listen(BACKLOG)
        _announce(district, listener)
        config = configured(build(district), settings)
        settle()
        uvicorn.Server(config).run(sockets=[listener])
    finally:
        district.close()
        listener.close()
    return 0


def configured(app: HotWays, settings: Settings) -> uvicorn.Config:
    """How the server runs."""
    return uvicorn.Config(
        app,
        http=wire(app),
        log_level="warning",
        access_log=False,
        ssl_certfile=settings.tls_cert or None,
        ssl_keyfile=settings.tls_key or None,
        server_header=False,
        timeout_graceful_shutdown=5,
    )


def settle() -> None:
    """Spares the collector what stays to the end; a request leaves few cycles, so that it need not look so often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def check(settings: Settings) -> None:
    """ValueError when the settings would serve something unsafe."""
    if settings.demo and settings.host not in LOOPBACK:
        raise ValueError(
            f"CIVICLOOP_HOST={settings.host} would show the demo's known passwords to others: set CIVICLOOP_DEMO=0, "
            "or keep to 127.0.0.1"
        )
    if bool(settings.tls_cert) != bool(settings.tls_key):
        raise ValueError("CIVICLOOP_TLS_CERT and CIVICLOOP_TLS_KEY go together; one of them is missing")
    if settings.tls_cert:
        try:
            ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(
                settings.tls_cert, settings.tls_key
            )
        except (OSError, ssl.SSLError) as error:
            raise ValueError(f"CIVICLOOP_TLS_CERT and _KEY can't be used: {error}") from error


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        raise ValueError(
            f"can't listen on {settings.host}:{settings.port} ({error.strerror}): choose another CIVICLOOP_PORT, 0 for a free one"
        ) from error
    return listener


def _announce(district: District, listener: socket.socket) -> None:
    settings = district.settings
    scheme = "https" if settings.tls_cert else "http"
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    lines = [
        f"{district.pack.label.zh} · {district.pack.label.en}",
        f"{scheme}://{host}:{listener.getsockname()[1]}/",
    ]
    if not settings.tls_cert and settings.host not in LOOPBACK:
        lines.append(
            "Without TLS, sign-in, positions and offline work don't run in browsers: set CIVICLOOP_TLS_CERT and _KEY."
        )
    if settings.demo:
        lines.append(f"demo logins (password {district.people.demo_password}):")
        for account in district.pack.accounts:
            role = account.grants[0].role if account.grants else ""
            label = district.registry.role_names.get(role)
            lines.append(f"  {account.login:24} {label.zh if label else role} {label.en if label else ''}")
        lines += [f"demo API key: {key.text} ({', '.join(key.scopes)})" for key in district.pack.keys]
    print("\n".join(lines), flush=True)
