"""Memory: the idle server of the demo after a page of each kind, and an import of many rows against one of few.

The server is the real command in a process of its own; its RSS is read from /proc. The import is the real command too: the
most memory that it ever held over so many rows, against a fifth of them.
"""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from bench.report import report
from civicloop.kernel.time.clock import DAY, HOUR, format_instant, parse_instant

ROOT = Path(__file__).parents[1]
MAPPING = ROOT / "civicloop" / "packs" / "jianghan" / "mapping-example.toml"
IDLE_MB = 120.0
FLAT = 1.15
FEW, MANY = 3_000, 15_000
PAGES = ("/", "/street/report", "/figures", "/about", "/open311/v2/services.json", "/api/openapi.json")  # fmt: skip
DESK = ("/street", "/street?q=%E5%9E%83%E5%9C%BE", "/street/map.geojson")
COLUMNS = (
    "任务号", "上报时间", "受理时间", "立案时间", "派遣时间", "结案时间", "问题来源", "小类名称", "问题描述", "地址",
    "经度", "纬度", "责任单位", "案件状态", "备注", "上报人", "联系电话",
)  # fmt: skip


def environment(folder: Path) -> dict[str, str]:
    """The command's surroundings: a folder of its own and a free port."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("CIVICLOOP_")}
    return {**inherited, "CIVICLOOP_DATA": str(folder), "CIVICLOOP_PORT": "0"}


def idle(folder: Path) -> tuple[float, int]:
    """RSS in MB of the demo's server after a page of each kind, and how many those were."""
    server = subprocess.Popen(
        [sys.executable, "-m", "civicloop.cli", "serve"],
        cwd=ROOT, env=environment(folder), stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert server.stdout is not None
    try:
        said = ""
        for line in server.stdout:
            said += line
            if line.startswith("demo API key"):
                break
        address = re.search(r"http://\S+", said)
        password = re.search(r"password ([^)\s]+)", said)
        assert address is not None
        assert password is not None
        count = visited(address[0].rstrip("/"), password[1])
        return resident(server.pid), count
    finally:
        server.terminate()
        server.wait()
        server.stdout.close()


def visited(address: str, password: str) -> int:
    """Opens the public's pages, signs in and opens the desk's; how many pages that made."""
    for path in PAGES:
        urllib.request.urlopen(address + path).read()
    # The session's cookie is for HTTPS or loopback; it is carried by hand.
    form = urllib.parse.urlencode({"account": "shift_head", "password": password}).encode()
    signed = urllib.request.build_opener(Still).open(address + "/sign-in", form)
    cookie = signed.headers["set-cookie"].partition(";")[0]
    for path in DESK:
        urllib.request.urlopen(urllib.request.Request(address + path, headers={"cookie": cookie})).read()
    return len(PAGES) + 1 + len(DESK)


class Still(urllib.request.HTTPRedirectHandler):
    """Takes a redirect as the answer."""

    def http_error_303(self, req: Any, fp: Any, code: int, msg: str, headers: Any) -> Any:  # noqa: ARG002
        return fp


def resident(pid: int) -> float:
    """RSS of a process in MB of 2**20 bytes."""
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def written(path: Path, count: int) -> Path:
    """A former system's export of so many finished cases."""
    first = parse_instant("2024-01-01T00:00:00Z")
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(COLUMNS)
        for n in range(count):
            at = first + n * DAY // 400
            times = [
                format_instant(at + step * HOUR // 4)[:16].replace("T", " ") for step in (0, 1, 2, 3, 20)
            ]
            where = (f"{114.27 + n % 97 * 0.0001:.4f}", f"{30.60 + n % 89 * 0.0001:.4f}")
            out.writerow(
                (n, *times, "监督员上报", "暴露垃圾", f"路口垃圾堆放{n}", "江汉路步行街", *where, "环卫所", "已结案", "已清运", "", "")
            )  # fmt: skip
    return path


def imported(folder: Path, count: int) -> float:
    """The most memory in MB that the import of so many rows held."""
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "civicloop.cli", "import", "street", str(written(folder / "export.csv", count)), "--map", str(MAPPING)],
        cwd=ROOT, env={**environment(folder), "CIVICLOOP_DEMO": "0"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    peak = re.search(r"peak memory (\d+) MB", done.stdout)
    if peak is None or f"imported {count:,} " not in done.stdout:
        raise RuntimeError(
            f"the import did not take every row, or did not say what it held: {done.stdout[-300:]}"
        )
    return float(peak[1])


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        held, pages = idle(root / "demo")
        report(
            "memory_idle", held, IDLE_MB,
            f"MB (RSS) of the server that has made the demo, after {pages} pages of all kinds; no baseline but the goal",
            at_least=False,
        )  # fmt: skip
        few, many = imported(root / "few", FEW), imported(root / "many", MANY)
        report(
            "memory_import", many / few, FLAT,
            f"most memory of an import of {MANY:,} rows, against one of {FEW:,}", at_least=False, peak_mb=[few, many],
        )  # fmt: skip


if __name__ == "__main__":
    main()
