"""A real browser for tests: Debian's Chromium, driven by Playwright, never leaving loopback."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

# The map needs WebGL on a machine without a graphics card; the rest keeps Chromium from calling home.
FLAGS = (
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

DESK = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}

_HOSTS = {"127.0.0.1", "localhost", "[::1]", "::1"}
_LOCAL = {"data", "blob", "about", "chrome", "chrome-error"}


def executable() -> str | None:
    """Chromium's path, None where there is none."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


def missing() -> str | None:
    """Why no browser can be started here, None when one can."""
    if executable() is None:
        return "Chromium is not installed (Debian: apt-get install chromium fonts-noto-cjk)"
    return None


@contextmanager
def opened(browser: Any, **options: Any) -> Iterator[Any]:
    """A page in a context of its own; AssertionError when a script failed or a request went out."""
    wrong: list[str] = []

    def watch(request: Any) -> None:
        address = urlsplit(request.url)
        if address.scheme not in _LOCAL and address.hostname not in _HOSTS:
            wrong.append(f"a request left the machine: {request.url}")

    def listen(message: Any) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            wrong.append(f"the console says: {message.text}")

    context = browser.new_context(**{"locale": "zh-CN", "timezone_id": "Asia/Shanghai", **options})
    context.set_default_timeout(15_000)
    page = context.new_page()
    context.on("request", watch)
    context.on("console", listen)
    page.on("pageerror", lambda error: wrong.append(f"a script failed: {error}"))
    try:
        yield page
    finally:
        context.close()
    assert not wrong, "\n".join(wrong)
