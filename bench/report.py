"""One line of JSON a benchmark: a ratio against a baseline of the same run, never an absolute time alone."""

from __future__ import annotations

import json
import os
import platform


def report(
    name: str, ratio: float, target: float, what: str, *, at_least: bool = True, **more: object
) -> None:
    """Prints name, ratio, target, whether it is met, what was compared, and the machine."""
    met = ratio >= target if at_least else ratio <= target
    line = {
        "name": name,
        "ratio": round(ratio, 3),
        "target": f"{'>=' if at_least else '<='} {target:g}",
        "met": met,
        "what": what,
        **more,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}",
    }
    print(json.dumps(line, ensure_ascii=False), flush=True)
