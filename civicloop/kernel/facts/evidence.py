"""Evidence (佐证材料): files named by their content, with a row each that says who brought them and why.

A file is on the disk for good before its row exists, so a row never points at nothing. Originals are
opened one by one, each opening logged; pages show the public copy.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from civicloop.kernel.facts.images import Limits, Picture, check_kind, redraw
from civicloop.kernel.label import Label
from civicloop.kernel.outside.files import write_for_good
from civicloop.kernel.refusal import Invalid, Missing, Unavailable
from civicloop.kernel.store.database import Store
from civicloop.kernel.store.transaction import Tx
from civicloop.kernel.time.clock import Clock, Instant
from civicloop.kernel.time.ids import Ids

# At most this many of 64 bits differ between a picture and the same one scaled or compressed again.
SAME_LOOK_BITS = 2

_HASH = re.compile(r"[0-9a-f]{64}")

_GONE = Label("没有这份佐证材料。", "There is no such piece of evidence.")
_NO_PICTURE = Label(
    "这份佐证材料不是图片，没有公开副本。", "This piece of evidence is no picture and has no public copy."
)
_LOST = Label(
    "佐证材料的文件不在或已损坏，请通知管理员。",
    "The file of this evidence is missing or damaged; please tell the administrator.",
)
_WHY = Label("请说明为什么要打开原件。", "Please say why the original has to be opened.")
_DISK = Label(
    "暂时存不下这个文件，什么都没有保存，请稍后再试。",
    "The file can't be stored just now; nothing was saved. Please try again in a moment.",
)


@dataclass(frozen=True, slots=True)
class EvidenceItem:
    """One kept file. `hash` names it; `kind` is "image" or "document"; `taken_at` and `lon`, `lat` (WGS-84) are what
    the camera wrote, the position only with consent; `look` is for `same_look`."""

    hash: str
    kind: str
    media_type: str
    bytes: int
    width: int | None
    height: int | None
    original_hash: str
    public_hash: str | None
    thumbnail_hash: str | None
    look: str | None
    uploaded_by: str
    uploaded_at: Instant
    taken_at: Instant | None
    lon: float | None
    lat: float | None
    position_consent: bool
    purpose: str


@dataclass(frozen=True, slots=True)
class _Ready:
    """A file that may be kept: `picture` is None for a document."""

    data: bytes
    original_hash: str
    media_type: str
    picture: Picture | None


@dataclass(frozen=True, slots=True)
class Verified:
    """What a check of all files found: rows looked at, hashes whose file is gone or changed, files without a row."""

    checked: int
    missing: tuple[str, ...]
    damaged: tuple[str, ...]
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Opening:
    """One opening of an original."""

    hash: str
    actor: str
    why: str
    opened_at: Instant


_COLUMNS = ", ".join(f.name for f in fields(EvidenceItem))
_MARKS = ", ".join("?" * len(fields(EvidenceItem)))
_INSERT = f"INSERT INTO evidence (district, {_COLUMNS}) VALUES (?, {_MARKS}) ON CONFLICT (district, hash) DO NOTHING"


def _item(row: tuple[object, ...]) -> EvidenceItem:
    values = dict(zip((f.name for f in fields(EvidenceItem)), row, strict=True))
    values["position_consent"] = bool(values["position_consent"])
    return EvidenceItem(**values)  # type: ignore[arg-type]


def same_look(one: str | None, other: str | None) -> bool:
    """Whether two pictures are the same one, by their `look`: also after scaling and another compression.

    False when one has none. A picture without any structure (all black) looks like every other such picture.
    """
    return bool(one and other) and look_distance(str(one), str(other)) <= SAME_LOOK_BITS


def look_distance(one: str, other: str) -> int:
    """How many of the 64 bits differ: 0 for the same picture, about 32 for any two."""
    return (int(one, 16) ^ int(other, 16)).bit_count()


class Evidence:
    """The evidence of one district, under `<data_dir>/evidence`.

    `zone` is that of camera times that name none.
    """

    def __init__(
        self,
        store: Store,
        data_dir: Path,
        clock: Clock,
        ids: Ids,
        *,
        district: str,
        zone: ZoneInfo,
        limits: Limits | None = None,
    ) -> None:
        self._store = store
        self._folder = Path(data_dir) / "evidence"
        self._clock = clock
        self._ids = ids
        self._district = district
        self._zone = zone
        self.limits = limits or Limits()

    def keep(
        self,
        data: bytes,
        *,
        actor_id: str,
        purpose: str,
        consent: bool = False,
        documents: bool = False,
        now: Instant | None = None,
    ) -> EvidenceItem:
        """Keeps a file and returns its row; the same bytes again give the same row.

        Runs in any thread but the writer's. `documents` takes PDFs too; `consent` keeps the camera's position.
        Refusals: Unsupported, TooLarge, Invalid (damaged), Unavailable (no room); nothing is kept then.
        """
        return self.keep_all(
            [data], actor_id=actor_id, purpose=purpose, consent=consent, documents=documents, now=now
        )[0]

    def keep_all(
        self,
        files: Sequence[bytes],
        *,
        actor_id: str,
        purpose: str,
        consent: bool = False,
        documents: bool = False,
        now: Instant | None = None,
    ) -> list[EvidenceItem]:
        """Keeps several files in their order, or none of them when one is refused; as `keep`."""
        at = self._clock.now() if now is None else now
        kept: list[EvidenceItem] = []
        for ready in [self._ready(data, documents) for data in files]:
            if isinstance(ready, EvidenceItem):
                kept.append(ready)
                continue
            if ready.picture is not None:
                item = self._keep_picture(ready.picture, ready.original_hash, actor_id, purpose, consent, at)
            else:
                item = EvidenceItem(
                    self._put(ready.data), "document", ready.media_type, len(ready.data), None, None, ready.original_hash,
                    None, None, None, actor_id, at, None, None, None, False, purpose,
                )  # fmt: skip
            kept.append(self._store.write(partial(self._insert, item=item)))
        return kept

    def _ready(self, data: bytes, documents: bool) -> EvidenceItem | _Ready:
        """The row of a file that is known, or the file looked at and drawn afresh; nothing is written."""
        original_hash = _sha256(data)
        with self._store.read() as tx:
            known = self._by_original(tx, original_hash)
        if known is not None and (documents or known.kind == "image") and self._files_exist(known):
            return known
        media_type = check_kind(data, self.limits, documents=documents)
        drawn = media_type in self.limits.image_types
        picture = redraw(data, media_type, self.limits, self._zone) if drawn else None
        return _Ready(data, original_hash, media_type, picture)

    def _keep_picture(
        self, picture: Picture, original_hash: str, actor: str, purpose: str, consent: bool, at: Instant
    ) -> EvidenceItem:
        lon, lat = picture.position if consent and picture.position else (None, None)
        return EvidenceItem(
            self._put(picture.data), "image", picture.media_type, len(picture.data), picture.width, picture.height,
            original_hash, self._put(picture.public), self._put(picture.thumbnail), picture.look,
            actor, at, picture.taken_at, lon, lat, consent, purpose,
        )  # fmt: skip

    def _insert(self, tx: Tx, item: EvidenceItem) -> EvidenceItem:
        values = [getattr(item, f.name) for f in fields(EvidenceItem)]
        tx.run(_INSERT, [self._district, *(int(v) if isinstance(v, bool) else v for v in values)])
        # Two files of the same pixels are one piece of evidence: the first row stands.
        return self.item(tx, item.hash)

    def _by_original(self, tx: Tx, original_hash: str) -> EvidenceItem | None:
        row = tx.one(
            f"SELECT {_COLUMNS} FROM evidence WHERE district = ? AND original_hash = ?",
            (self._district, original_hash),
        )
        return None if row is None else _item(row)

    def _files_exist(self, item: EvidenceItem) -> bool:
        digests = (item.hash, item.public_hash, item.thumbnail_hash)
        return all(self._path(digest).exists() for digest in digests if digest)

    def find(self, tx: Tx, digest: str) -> EvidenceItem | None:
        """The row of a hash, or None."""
        row = tx.one(
            f"SELECT {_COLUMNS} FROM evidence WHERE district = ? AND hash = ?", (self._district, digest)
        )
        return None if row is None else _item(row)

    def item(self, tx: Tx, digest: str) -> EvidenceItem:
        """The row of a hash; Missing when there is none."""
        found = self.find(tx, digest)
        if found is None:
            raise Missing(_GONE)
        return found

    def public(self, digest: str) -> Path:
        """The file of the public copy (JPEG); Missing when there is none."""
        return self._copy(digest, "public_hash")

    def thumbnail(self, digest: str) -> Path:
        """The file of the small copy (JPEG); Missing when there is none."""
        return self._copy(digest, "thumbnail_hash")

    def _copy(self, digest: str, column: str) -> Path:
        with self._store.read() as tx:
            row = tx.one(
                f"SELECT {column} FROM evidence WHERE district = ? AND hash = ?", (self._district, digest)
            )
        if row is None:
            raise Missing(_GONE)
        if row[0] is None:
            raise Missing(_NO_PICTURE)
        return self._path(row[0])

    def original(self, digest: str, actor: str, why: str) -> bytes:
        """The stored original, after the opening is logged; Missing, Invalid (no reason given), Unavailable (file lost)."""
        if not why.strip():
            raise Invalid(_WHY, fields={"why": _WHY})

        def log(tx: Tx) -> None:
            self.item(tx, digest)
            tx.run(
                "INSERT INTO evidence_openings (district, id, hash, actor, why, opened_at) VALUES (?, ?, ?, ?, ?, ?)",
                (self._district, self._ids.new(), digest, actor, why.strip(), self._clock.now()),
            )

        self._store.write(log)
        try:
            data = self._path(digest).read_bytes()
        except OSError as error:
            raise Unavailable(_LOST, code="evidence-lost") from error
        if _sha256(data) != digest:
            raise Unavailable(_LOST, code="evidence-lost")
        return data

    def openings(self, tx: Tx, digest: str) -> list[Opening]:
        """Who opened the original, oldest first."""
        rows = tx.all(
            "SELECT hash, actor, why, opened_at FROM evidence_openings WHERE district = ? AND hash = ?"
            " ORDER BY opened_at, id",
            (self._district, digest),
        )
        return [Opening(*row) for row in rows]

    def verify_all(self, progress: Callable[[int, int], None] | None = None) -> Verified:
        """Recomputes the hash of every file; `progress(done, total)` counts rows."""
        with self._store.read() as tx:
            rows = tx.all(
                "SELECT hash, public_hash, thumbnail_hash FROM evidence WHERE district = ? ORDER BY hash",
                (self._district,),
            )
        missing: list[str] = []
        damaged: list[str] = []
        known: set[str] = set()
        for done, row in enumerate(rows, 1):
            for digest in filter(None, row):
                if digest in known:
                    continue
                known.add(digest)
                try:
                    with self._path(digest).open("rb") as file:
                        if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                            damaged.append(digest)
                except OSError:
                    missing.append(digest)
            if progress is not None:
                progress(done, len(rows))
        unknown = sorted(set(self._files()) - known)
        return Verified(len(rows), tuple(missing), tuple(damaged), tuple(unknown))

    def _files(self) -> Iterator[str]:
        for path in self._folder.glob("??/*"):
            yield path.parent.name + path.name

    def _path(self, digest: str) -> Path:
        if not _HASH.fullmatch(digest):
            raise Missing(_GONE)
        return self._folder / digest[:2] / digest[2:]

    def _put(self, data: bytes) -> str:
        """Writes a file for good under its hash, unless it is there and whole; returns the hash."""
        digest = _sha256(data)
        path = self._path(digest)
        try:
            if path.exists() and _sha256(path.read_bytes()) == digest:
                return digest
            write_for_good(path, data)
        except OSError as error:
            raise Unavailable(_DISK) from error
        return digest


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
