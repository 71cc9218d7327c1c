"""No file names a package registry, a download server, or a folder of somebody's machine."""

from __future__ import annotations

import re

from tests.structure.tree import ROOT, tracked

# Written in pieces, so that this file names none either.
_NAMES = "py+pi.org python+hosted.org npm+js.org npm+js.com deb.deb+ian.org un+pkg.com js+delivr.net cdn+js.cloudflare"
REGISTRIES = re.compile("|".join(re.escape(name.replace("+", "")) for name in _NAMES.split()))
MACHINES = re.compile(
    "|".join(f"/{a}/" for a in ("work", "farm")) + r"|/tmp/" + "bash" + "|/(home|Users)/[A-Za-z]"
)
SHELL_ORDERS = re.compile("--" + r"(index-url|extra-index-url|find-links|trusted-host)")


def texts() -> list[tuple[str, str]]:
    """Every tracked text file but those of others."""
    found = []
    for name in tracked():
        if "/vendor/" in name:
            continue
        data = (ROOT / name).read_bytes()
        if b"\0" not in data[:8000]:
            found.append((name, data.decode("utf-8")))
    return found


def hits(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{name}:{number} {match[0]}"
        for name, text in texts()
        for number, line in enumerate(text.splitlines(), 1)
        if (match := pattern.search(line))
    ]


def test_no_registry() -> None:
    assert hits(REGISTRIES) == []


def test_no_folder_of_a_machine() -> None:
    assert hits(MACHINES) == []


def test_the_locks_leave_the_registry_to_the_machine() -> None:
    assert [hit for hit in hits(SHELL_ORDERS) if ".lock:" in hit] == []


def test_the_patterns_find_what_they_look_for() -> None:
    assert REGISTRIES.search("https://" + "pypi" + ".org/simple")
    assert MACHINES.search("open('/" + "work/main')")
