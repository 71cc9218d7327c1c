"""Evidence: what strangers send is measured, drawn afresh, kept for good, and opened with a reason."""

from __future__ import annotations

import errno
import io
import os
import random
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from PIL import Image, ImageDraw, ImageFilter, PngImagePlugin, TiffImagePlugin

from civicloop.kernel.facts.evidence import Evidence, look_distance, same_look
from civicloop.kernel.facts.images import Limits, check_kind, redraw, sniff
from civicloop.kernel.outside import files
from civicloop.kernel.refusal import Invalid, Missing, Refusal, TooLarge, Unavailable, Unsupported
from civicloop.kernel.store.database import Store, open_store
from civicloop.kernel.time.clock import VirtualClock, parse_instant
from civicloop.kernel.time.ids import SeededIds

SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def evidence(store: Store, tmp_path: Path, clock: VirtualClock, ids: SeededIds) -> Evidence:
    return Evidence(store, tmp_path / "data", clock, ids, district="jianghan", zone=SHANGHAI)


@pytest.fixture
def on_sqlite(sqlite_url: str, tmp_path: Path, clock: VirtualClock, ids: SeededIds) -> Iterator[Evidence]:
    """Where only the picture matters, one database is enough."""
    store = open_store(sqlite_url, clock)
    yield Evidence(store, tmp_path / "data", clock, ids, district="jianghan", zone=SHANGHAI)
    store.close()


def scene(seed: int = 1, size: tuple[int, int] = (800, 600)) -> Image.Image:
    """A picture with structure, another for every seed."""
    chance = random.Random(seed)
    image = Image.new("RGB", size, "#8899aa")
    draw = ImageDraw.Draw(image)
    for _ in range(60):
        x, y = chance.randrange(size[0]), chance.randrange(size[1])
        box = (x, y, x + chance.randrange(20, 200), y + chance.randrange(20, 200))
        draw.rectangle(box, fill=tuple(chance.randrange(256) for _ in range(3)))
    return image.filter(ImageFilter.GaussianBlur(2))


def encoded(image: Image.Image, form: str = "JPEG", **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def with_exif(orientation: int = 1) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "SECRETMAKER"
    rational = TiffImagePlugin.IFDRational
    exif[0x8769] = {0x9003: "2026:03:02 08:30:00", 0xA431: "SERIAL12345"}
    exif[0x8825] = {
        1: "N", 2: (rational(30), rational(35), rational(3036, 100)),
        3: "E", 4: (rational(114), rational(16), rational(1200, 100)),
    }  # fmt: skip
    return exif


def keep(evidence: Evidence, data: bytes, **options: Any) -> Any:
    return evidence.keep(data, actor_id="a1", purpose="report", **options)


def test_a_photograph_loses_its_metadata_and_gets_its_copies(evidence: Evidence, clock: VirtualClock) -> None:
    item = keep(evidence, encoded(scene(size=(3000, 2000)), exif=with_exif(), comment=b"HIDDEN"))
    original = evidence.original(item.hash, "inspector", "核查")
    public, small = evidence.public(item.hash).read_bytes(), evidence.thumbnail(item.hash).read_bytes()
    for data in (original, public, small):
        assert sniff(data) == "image/jpeg"
        for secret in (b"SECRETMAKER", b"SERIAL12345", b"HIDDEN", b"Exif"):
            assert secret not in data
    assert (item.kind, item.media_type, item.width, item.height) == ("image", "image/jpeg", 3000, 2000)
    assert item.bytes == len(original)
    assert Image.open(io.BytesIO(public)).size == (1600, 1067)
    assert Image.open(io.BytesIO(small)).size == (320, 213)
    assert item.taken_at == parse_instant("2026-03-02T08:30:00+08:00")
    assert (item.lon, item.lat, item.position_consent) == (None, None, False)
    assert (item.uploaded_by, item.uploaded_at, item.purpose) == ("a1", clock.now(), "report")


def test_the_position_is_kept_with_consent(evidence: Evidence) -> None:
    item = keep(evidence, encoded(scene(), exif=with_exif()), consent=True)
    assert (item.lon, item.lat) == (114.27, 30.5917667)
    assert item.position_consent is True


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_comes_out_upright(on_sqlite: Evidence, orientation: int) -> None:
    image = Image.new("RGB", (64, 32), "white")
    ImageDraw.Draw(image).rectangle((0, 0, 15, 15), fill="red")
    turned = image
    for transpose in {
        2: (0,), 3: (3,), 4: (1,), 5: (5,), 6: (2,), 7: (6,), 8: (4,),
    }.get(orientation, ()):  # fmt: skip
        turned = turned.transpose(Image.Transpose(transpose))
    item = keep(on_sqlite, encoded(turned, "PNG", exif=with_exif(orientation)))
    upright = Image.open(io.BytesIO(on_sqlite.original(item.hash, "x", "y")))
    assert upright.size == (64, 32)
    assert upright.getpixel((4, 4)) == (255, 0, 0)
    assert upright.getpixel((60, 28)) == (255, 255, 255)


@pytest.mark.parametrize(
    ("form", "mode", "stored"),
    [
        ("JPEG", "L", "image/jpeg"),
        ("JPEG", "CMYK", "image/jpeg"),
        ("PNG", "RGBA", "image/png"),
        ("PNG", "LA", "image/png"),
        ("PNG", "P", "image/png"),
        ("PNG", "1", "image/png"),
        ("PNG", "I;16", "image/png"),
        ("WEBP", "RGB", "image/jpeg"),
        ("WEBP", "RGBA", "image/jpeg"),
        ("MPO", "RGB", "image/jpeg"),
    ],
)
def test_every_kind_of_pixels_is_taken(on_sqlite: Evidence, form: str, mode: str, stored: str) -> None:
    if mode == "I;16":
        data = b"".join(struct.pack("<H", (x + y) * 327) for y in range(100) for x in range(100))
        image = Image.frombytes("I;16", (100, 100), data)
    else:
        image = scene(size=(100, 100)).convert(mode)
    options: dict[str, Any] = {"save_all": True, "append_images": [image]} if form == "MPO" else {}
    item = keep(on_sqlite, encoded(image, form, **options))
    assert item.media_type == stored
    kept = Image.open(io.BytesIO(on_sqlite.original(item.hash, "x", "y")))
    assert kept.mode == "RGB"
    wanted = image.convert("RGB") if mode != "I;16" else None
    if wanted is None:
        assert abs(kept.getpixel((90, 90))[0] - 180 * 327 // 257) <= 1  # type: ignore[index]
    elif stored == "image/png" and mode != "LA":
        assert kept.tobytes() == wanted.tobytes()


def test_transparency_lies_on_white(on_sqlite: Evidence) -> None:
    item = keep(on_sqlite, encoded(Image.new("RGBA", (40, 40), (0, 0, 0, 0)), "PNG"))
    assert Image.open(on_sqlite.public(item.hash)).getpixel((5, 5)) == (255, 255, 255)


def test_a_wide_colour_profile_becomes_srgb_and_a_broken_one_is_dropped(on_sqlite: Evidence) -> None:
    item = keep(on_sqlite, encoded(scene(7), icc_profile=b"nonsense"))
    assert "icc_profile" not in Image.open(on_sqlite.public(item.hash)).info


def test_the_same_bytes_are_one_piece_of_evidence(
    evidence: Evidence, store: Store, clock: VirtualClock
) -> None:
    data = encoded(scene())
    first = keep(evidence, data)
    clock.advance(1)
    assert evidence.keep(data, actor_id="a2", purpose="other") == first
    with ThreadPoolExecutor(4) as pool:
        items = list(pool.map(lambda _: keep(evidence, encoded(scene(2))), range(4)))
    assert len({item.hash for item in items}) == 1
    with store.read() as tx:
        assert tx.one("SELECT COUNT(*) FROM evidence", ()) == (2,)


def test_a_lost_file_is_healed_by_the_same_upload(on_sqlite: Evidence) -> None:
    data = encoded(scene())
    item = keep(on_sqlite, data)
    on_sqlite.public(item.hash).unlink()
    assert keep(on_sqlite, data) == item
    assert on_sqlite.public(item.hash).exists()


def test_an_original_is_opened_with_a_reason_and_logged(
    evidence: Evidence, store: Store, clock: VirtualClock
) -> None:
    item = keep(evidence, encoded(scene()))
    evidence.original(item.hash, "inspector", " 核查返工 ")
    with pytest.raises(Invalid) as refused:
        evidence.original(item.hash, "inspector", "  ")
    assert refused.value.fields["why"].zh == "请说明为什么要打开原件。"
    with pytest.raises(Missing):
        evidence.original("0" * 64, "inspector", "x")
    with store.read() as tx:
        (opening,) = evidence.openings(tx, item.hash)
        assert tx.one("SELECT COUNT(*) FROM evidence_openings", ()) == (1,)
    assert (opening.actor, opening.why, opening.opened_at) == ("inspector", "核查返工", clock.now())


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE evidence_openings SET actor = 'nobody'",
        "DELETE FROM evidence_openings",
        "DELETE FROM evidence",
        "UPDATE evidence SET taken_at = 1",
        "UPDATE evidence SET original_hash = 'x'",
    ],
)
def test_the_database_keeps_evidence_and_its_openings(evidence: Evidence, store: Store, sql: str) -> None:
    item = keep(evidence, encoded(scene()))
    evidence.original(item.hash, "x", "y")
    with pytest.raises(Exception, match=r"never (changed|deleted|changed or deleted)"):
        store.write(lambda tx: tx.run(sql, ()))


def test_a_position_can_be_erased(evidence: Evidence, store: Store) -> None:
    item = keep(evidence, encoded(scene(), exif=with_exif()), consent=True)
    store.write(lambda tx: tx.run("UPDATE evidence SET lon = NULL, lat = NULL", ()))
    with store.read() as tx:
        assert evidence.item(tx, item.hash).lon is None


def a_zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("photo.jpg", b"x" * 100)
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "kind", "words"),
    [
        (a_zip(), Unsupported, "ZIP"),
        (b"", Invalid, "empty"),
        (b"GIF89a" + b"\0" * 100, Unsupported, "GIF"),
        (b"\0\0\0\x18ftypheic" + b"\0" * 100, Unsupported, "HEIC"),
        (b"\0\0\0\x18ftypisom" + b"\0" * 100, Unsupported, "video"),
        (b"<html><script>alert(1)</script>", Unsupported, "unknown kind"),
        (b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>", Unsupported, "unknown kind"),
        (b"%PDF-1.7\n%%EOF", Unsupported, "PDF"),
        (encoded(scene())[:-2000], Invalid, "damaged"),
        (encoded(scene(), "PNG")[:-2000], Invalid, "damaged"),
        (encoded(scene(), "WEBP")[:-2000], Invalid, "damaged"),
        (b"\xff\xd8\xff" + b"\0" * 50, Invalid, "damaged"),
        (b"\x89PNG\r\n\x1a\n" + b"\xff" * 50, Invalid, "damaged"),
    ],
)
def test_what_is_no_photograph_is_refused_by_content(
    evidence: Evidence, store: Store, tmp_path: Path, data: bytes, kind: type[Refusal], words: str
) -> None:
    with pytest.raises(kind) as refused:
        keep(evidence, data)
    assert words in refused.value.reason.en
    assert refused.value.reason.zh
    with store.read() as tx:
        assert tx.one("SELECT COUNT(*) FROM evidence", ()) == (0,)
    assert not list((tmp_path / "data").rglob("*"))


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few kilobytes whose header promises width × height pixels."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 10_000))
        + chunk(b"IEND", b"")
    )


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("size", [(10_000, 5_000), (12_000, 9_000), (60_000, 60_000)])
def test_too_many_pixels_are_refused_before_they_are_decoded(
    on_sqlite: Evidence, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", lambda self: pytest.fail("decoded"))
    with pytest.raises(TooLarge) as refused:
        keep(on_sqlite, bomb(*size))
    assert "40 million" in refused.value.reason.en
    assert "40百万" in refused.value.reason.zh


def test_too_many_bytes_are_refused(
    store: Store, tmp_path: Path, clock: VirtualClock, ids: SeededIds
) -> None:
    small = Evidence(
        store, tmp_path, clock, ids, district="d", zone=SHANGHAI, limits=Limits(image_bytes=1000)
    )
    with pytest.raises(TooLarge, match="at most 0 MB"):
        keep(small, encoded(scene()))


def test_a_pdf_is_an_attachment_only(evidence: Evidence) -> None:
    pdf = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
    item = keep(evidence, pdf, documents=True)
    assert (item.kind, item.media_type, item.public_hash, item.look) == (
        "document",
        "application/pdf",
        None,
        None,
    )
    assert evidence.original(item.hash, "x", "y") == pdf
    with pytest.raises(Missing):
        evidence.public(item.hash)
    with pytest.raises(Unsupported):
        keep(evidence, pdf)
    with pytest.raises(Invalid):
        keep(evidence, pdf[:-7], documents=True)


@pytest.mark.parametrize("name", ["../../etc/passwd", "ab", "", "A" * 64, "0" * 64])
def test_a_wrong_hash_opens_nothing(on_sqlite: Evidence, name: str) -> None:
    for open_copy in (on_sqlite.public, on_sqlite.thumbnail):
        with pytest.raises(Missing):
            open_copy(name)


def test_the_same_picture_is_known_again(on_sqlite: Evidence) -> None:
    one = keep(on_sqlite, encoded(scene(1)))
    again = keep(on_sqlite, encoded(scene(1).resize((500, 375)), quality=40))
    other = keep(on_sqlite, encoded(scene(2)))
    assert one.hash != again.hash
    assert same_look(one.look, again.look)
    assert not same_look(one.look, other.look)
    assert look_distance(one.look, other.look) > 10
    assert not same_look(one.look, None)


def test_a_check_names_what_is_missing_damaged_and_unknown(evidence: Evidence, tmp_path: Path) -> None:
    items = [keep(evidence, encoded(scene(n))) for n in range(3)]
    seen: list[tuple[int, int]] = []
    assert evidence.verify_all(lambda done, total: seen.append((done, total))).damaged == ()
    assert seen == [(1, 3), (2, 3), (3, 3)]
    evidence.public(items[0].hash).unlink()
    path = evidence.thumbnail(items[1].hash)
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    stray = tmp_path / "data" / "evidence" / "ab" / ("c" * 62)
    stray.parent.mkdir(exist_ok=True)
    stray.write_bytes(b"stray")
    found = evidence.verify_all()
    assert found.checked == 3
    assert found.missing == (items[0].public_hash,)
    assert found.damaged == (items[1].thumbnail_hash,)
    assert found.unknown == ("ab" + "c" * 62,)


def test_a_damaged_original_is_not_handed_out(evidence: Evidence, tmp_path: Path) -> None:
    item = keep(evidence, encoded(scene()))
    path = tmp_path / "data" / "evidence" / item.hash[:2] / item.hash[2:]
    path.write_bytes(b"changed")
    with pytest.raises(Unavailable) as refused:
        evidence.original(item.hash, "x", "y")
    assert refused.value.code == "evidence-lost"


def test_a_full_disk_keeps_nothing(
    evidence: Evidence, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    # The disk is the outside here: no test can fill it without root.
    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(Unavailable):
        keep(evidence, encoded(scene()))
    assert not [p for p in (tmp_path / "data").rglob("*") if p.is_file()]
    with store.read() as tx:
        assert tx.one("SELECT COUNT(*) FROM evidence", ()) == (0,)


@pytest.mark.filterwarnings("ignore")
def test_broken_files_end_in_a_refusal_never_in_a_crash() -> None:
    chance = random.Random(4)
    limits = Limits()
    small = scene(size=(120, 90))
    for form in ("JPEG", "PNG", "WEBP"):
        good = encoded(small, form, exif=with_exif())
        for _ in range(120):
            data = bytearray(good)
            for _ in range(chance.randrange(1, 20)):
                data[chance.randrange(len(data))] = chance.randrange(256)
            with suppress(Refusal):
                redraw(bytes(data), check_kind(bytes(data), limits, documents=False), limits, SHANGHAI)


def test_pillow_is_loaded_at_the_first_picture() -> None:
    code = "import sys, civicloop.kernel.facts.evidence; sys.exit('PIL' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
