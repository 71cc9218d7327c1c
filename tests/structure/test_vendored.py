"""Files of others are exactly the published ones, and none is missing from its list."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "civicloop" / "web" / "static"
TEST_ONLY = ROOT / "tests" / "browser" / "vendor"


def listed(root: Path) -> dict[str, str]:
    document = tomllib.loads((root / "VENDORED.toml").read_text("utf-8"))
    return {file["path"]: file["sha256"] for package in document["package"] for file in package["file"]}


@pytest.mark.parametrize("root", [SHIPPED, TEST_ONLY], ids=["shipped", "test-only"])
def test_each_listed_file_has_its_hash(root: Path) -> None:
    for path, expected in listed(root).items():
        assert hashlib.sha256((root / path).read_bytes()).hexdigest() == expected, path


def test_nothing_lies_in_vendor_without_being_listed() -> None:
    present = {str(f.relative_to(SHIPPED)) for f in (SHIPPED / "vendor").rglob("*") if f.is_file()}
    assert present == set(listed(SHIPPED))


def test_each_package_carries_its_licence() -> None:
    for root in (SHIPPED, TEST_ONLY):
        for package in tomllib.loads((root / "VENDORED.toml").read_text("utf-8"))["package"]:
            assert package["integrity"].startswith("sha512-")
            assert any("LICENSE" in file["path"] for file in package["file"]), package["name"]
