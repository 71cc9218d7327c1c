"""A PostgreSQL server for tests: Debian's binaries, a folder of its own, a free port on loopback.

Each test process starts one server, so tests may run side by side, and each test gets a database of
its own. The server ends with the process that started it, by its own process id.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

from tests.processes import end_with_parent

_START_SECONDS = 60
_OPTIONS = {
    # Durable as in production: tests of crashes would mean nothing without it.
    "fsync": "on",
    "max_connections": "60",
    "max_wal_size": "256MB",
    "shared_buffers": "32MB",
    "timezone": "UTC",
    "log_min_messages": "fatal",
    "deadlock_timeout": "200ms",
}


def binaries() -> Path | None:
    """The folder of the newest PostgreSQL server on this machine, None where there is none."""
    debian = sorted(
        (p.parent for p in Path("/usr/lib/postgresql").glob("*/bin/postgres")),
        key=lambda p: int(p.parent.name),
    )
    if debian:
        return debian[-1]
    found = shutil.which("postgres")
    return Path(found).resolve().parent if found else None


def missing() -> str | None:
    """Why no server can be started here, None when one can."""
    if binaries() is None:
        return "PostgreSQL's server is not installed (Debian: apt-get install postgresql)"
    if os.geteuid() == 0:
        try:
            pwd.getpwnam("postgres")
        except KeyError:
            return "root can't run PostgreSQL and there is no user postgres"
    return None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """A running server; `database()` makes a fresh database and returns its URL."""

    def __init__(self) -> None:
        found = binaries()
        assert found is not None, "ask missing() first"
        self._bin = found
        self._user = "postgres" if os.geteuid() == 0 else None
        self.folder = Path(tempfile.mkdtemp(prefix="civicloop-postgres-"))
        if self._user:
            shutil.chown(self.folder, self._user, self._user)
        self._count = 0
        self._process: subprocess.Popen[bytes] | None = None
        self.port = _free_port()
        initdb = [found / "initdb", "-D", self.folder / "data", "-A", "trust", "-U", "civicloop"]
        initdb += ["-E", "UTF8", "--locale=C", "--no-sync"]
        subprocess.run(initdb, check=True, capture_output=True, timeout=120, **self._as_owner())
        self.start()

    def _as_owner(self) -> dict[str, Any]:
        """How the server's programs run: as the folder's owner, there, with an environment of their own."""
        owner = {"user": self._user, "group": self._user, "extra_groups": []} if self._user else {}
        return {**owner, "cwd": self.folder, "env": {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}}

    def start(self) -> None:
        """Starts the server, on the port it had, and waits until it answers; RuntimeError with its log when it does not."""
        command: list[Any] = [self._bin / "postgres", "-D", self.folder / "data", "-h", "127.0.0.1"]
        command += ["-p", str(self.port), "-k", self.folder]
        for key, value in _OPTIONS.items():
            command += ["-c", f"{key}={value}"]
        log = self.folder / "log"
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                command, stdout=out, stderr=out, preexec_fn=end_with_parent, **self._as_owner()
            )
        until = time.monotonic() + _START_SECONDS
        while time.monotonic() < until and self._process.poll() is None:
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=2).close()
                return
            except psycopg.OperationalError:
                time.sleep(0.05)
        self.stop()
        raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text('utf-8', 'replace')}")

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Ends the server: SIGINT closes it properly, SIGQUIT is its crash."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(how)
            self._process.wait(60)

    def close(self) -> None:
        """Ends the server and removes its files."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str) -> str:
        """The URL of a database of this server."""
        return f"postgresql://civicloop@127.0.0.1:{self.port}/{database}"

    def database(self, template: str | None = None) -> str:
        """The URL of a new database: a copy of `template`, or empty."""
        self._count += 1
        name = f"test_{self._count}"
        self._command(f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else ""))
        return self.url(name)

    def template(self, name: str, fill: Callable[[str], None]) -> str:
        """The name of a template database that `fill(url)` has filled, made at the first call."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone()
        if known is None:
            self._command(f"CREATE DATABASE {name}")
            fill(self.url(name))
        return name

    def drop(self, url: str) -> None:
        """Removes a database and ends its connections."""
        self._command(f"DROP DATABASE IF EXISTS {url.rpartition('/')[2]} WITH (FORCE)")

    def _command(self, sql: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(sql.encode())
