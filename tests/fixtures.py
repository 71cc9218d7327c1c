"""Fixtures and rules of every test.

Databases: `store` runs a test on SQLite and on PostgreSQL (marked `postgres`), each in a database of its
own. Browser: `page` (desk, 1440 px) and `phone` (390 px, touch), marked `browser`. Server: `demo` and
`serve` run the real command, marked `slow`. What a machine lacks is skipped with a reason, but with
CI=true it fails: a green run there has run everything.
"""

from __future__ import annotations

import ipaddress
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NoReturn

import hypothesis
import pytest

from civicloop.kernel.store.database import Store, open_store
from civicloop.kernel.time.clock import VirtualClock, parse_instant
from civicloop.kernel.time.ids import SeededIds
from tests import browsing, postgres
from tests.processes import Served

ROOT = Path(__file__).resolve().parent.parent
START = parse_instant("2026-03-02T09:00:00+08:00")

_MARKED = {
    "postgres": {"postgres_server", "postgres_url", "postgres_empty_url"},
    "browser": {"browser", "page", "phone"},
    "slow": {"demo", "serve"},
}

# A slow machine is not a fault, so no example has a deadline; a failing one prints how to run it again.
hypothesis.settings.register_profile("check", max_examples=20, deadline=None, print_blob=True, database=None)
hypothesis.settings.register_profile("test", max_examples=100, deadline=None, print_blob=True, database=None)
hypothesis.settings.register_profile("fuzz", max_examples=1000, deadline=None, print_blob=True)
hypothesis.settings.load_profile(os.environ.get("CIVICLOOP_EXAMPLES", "check"))


_MEMORY = Path("/dev/shm")
_ROOM = 4 * 2**30


def _use_memory() -> None:
    """Puts the tests' files into memory where there is plenty, unless TMPDIR says otherwise.

    Every commit is still written and synced, and a killed process, which is what the tests plant, loses
    nothing there; only the waiting for a shared disk is gone (a new PostgreSQL database: 3 s to 0.2 s).
    """
    if "TMPDIR" not in os.environ and _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ROOM:
        os.environ["TMPDIR"] = str(_MEMORY)
        tempfile.tempdir = None


_use_memory()


def _stay_on_loopback(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook that refuses every connection to another machine: Civicloop's tests need none."""
    if event != "socket.connect" or not isinstance(arguments[1], tuple):
        return
    host = str(arguments[1][0])
    try:
        outside = not ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        outside = host != "localhost"
    if outside:
        raise PermissionError(f"a test tried to reach {host}")


sys.addaudithook(_stay_on_loopback)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks tests by what they use, and puts the browser's last: its event loop stays in the process."""
    for item in items:
        used = set(getattr(item, "fixturenames", ()))
        for mark, fixtures in _MARKED.items():
            if used & fixtures and item.get_closest_marker(mark) is None:
                item.add_marker(mark)
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Prints what tests measured with `record_property("measured", ...)`, from every process, whether they passed or not."""
    reports = [r for outcome in ("passed", "failed") for r in terminalreporter.stats.get(outcome, ())]
    lines = [text for report in reports for name, text in report.user_properties if name == "measured"]
    if lines:
        terminalreporter.section("measured")
        for line in dict.fromkeys(lines):
            terminalreporter.write_line(str(line))


def lacking(reason: str) -> NoReturn:
    """Skips the test with the reason, or fails it where everything must be there (CI=true)."""
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(f"{reason}; with CI=true nothing may be missing", pytrace=False)
    pytest.skip(reason)


@pytest.fixture
def clock() -> VirtualClock:
    """Monday 2 March 2026, nine o'clock in Wuhan; it moves only when told."""
    return VirtualClock(START)


@pytest.fixture
def ids() -> SeededIds:
    """The same ids in the same order in every run."""
    return SeededIds("test")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    """The PostgreSQL server of this test process."""
    reason = postgres.missing()
    if reason:
        lacking(reason)
    server = postgres.Server()
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
def postgres_empty_url(postgres_server: postgres.Server) -> Iterator[str]:
    """The URL of a new database without a table."""
    url = postgres_server.database()
    yield url
    postgres_server.drop(url)


def _fill(url: str) -> None:
    open_store(url, VirtualClock(START)).close()


@pytest.fixture
def postgres_url(postgres_server: postgres.Server) -> Iterator[str]:
    """The URL of a new database with the kernel's tables, copied from a template."""
    url = postgres_server.database(postgres_server.template("civicloop_kernel", _fill))
    yield url
    postgres_server.drop(url)


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "district.db"
    _fill(str(path))
    return path


@pytest.fixture
def sqlite_url(tmp_path: Path, _sqlite_template: Path) -> str:
    """The path of a new SQLite file with the kernel's tables, copied from a template."""
    path = tmp_path / "district.db"
    shutil.copyfile(_sqlite_template, path)
    return str(path)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store_url(request: pytest.FixtureRequest) -> str:
    """Where the test's database is: SQLite, then PostgreSQL."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def store(store_url: str, clock: VirtualClock) -> Iterator[Store]:
    """An open store under `clock`, on SQLite and on PostgreSQL."""
    opened = open_store(store_url, clock)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference texts and real data beside the repository."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("there is no folder shared/ beside the repository")
    return folder


@pytest.fixture(scope="session")
def boston_parquet(shared: Path) -> Path:
    """Boston's 121,145 service requests of 2015."""
    path = shared / "data" / "street" / "boston_311_2015.parquet"
    if not path.is_file():
        pytest.skip("shared/ has no boston_311_2015.parquet")
    return path


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """`serve(CIVICLOOP_DEMO="0")` runs the real command on this test's data folder, the same at each call."""
    started: list[Served] = []

    def start(**environment: str) -> Served:
        started.append(Served(tmp_path / "data", **environment))
        return started[-1].wait()

    yield start
    for served in started:
        served.close()


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The demo district, served once in a test process: look, and change only cases of your own."""
    served = Served(tmp_path_factory.mktemp("demo")).wait()
    yield served
    served.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, one in a test process."""
    reason = browsing.missing()
    if reason:
        lacking(reason)
    # Imported only where it is used: starting Playwright takes a second.
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=browsing.executable(), args=list(browsing.FLAGS))
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page as on a desk; the test fails when a script does, or when a request leaves the machine."""
    with browsing.opened(browser, viewport=browsing.DESK) as opened:
        yield opened


@pytest.fixture
def phone(browser: Any) -> Iterator[Any]:
    """A page as on a phone: 390 px wide, touched."""
    with browsing.opened(browser, viewport=browsing.PHONE, has_touch=True, is_mobile=True) as opened:
        yield opened


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., Any]]:
    """`open_page(**options)` opens further pages, each in a context of its own: several people at once."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(browsing.opened(browser, **options))
