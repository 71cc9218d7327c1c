"""Pictures from strangers: told by their content, measured before they are decoded, and drawn afresh.

Nothing of the file that came is kept but its pixels: EXIF, comments, profiles, previews and whatever
was hung on behind are gone. Pillow is loaded at the first picture, not at start-up.
"""

from __future__ import annotations

import struct
import threading
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from math import isfinite
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from civicloop.kernel.label import Label
from civicloop.kernel.refusal import Invalid, Refusal, TooLarge, Unsupported
from civicloop.kernel.time.clock import Instant, from_datetime

if TYPE_CHECKING:
    from PIL.Image import Image

MEGABYTE = 1 << 20
PUBLIC_TYPE = "image/jpeg"
LOSSLESS_PIXELS = 4_000_000

# Two at a time: a picture of 40 megapixels takes up to 400 MB while it is worked on.
_DECODERS = threading.Semaphore(2)

# What Pillow raises on files that are broken on purpose or by accident.
_BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    ArithmeticError,
    LookupError,
    TypeError,
    struct.error,
    zlib.error,
)

_HEIC = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
_SIGNS: tuple[tuple[str, Callable[[bytes], bool]], ...] = (
    ("image/jpeg", lambda b: b.startswith(b"\xff\xd8\xff")),
    ("image/png", lambda b: b.startswith(b"\x89PNG\r\n\x1a\n")),
    ("image/webp", lambda b: b.startswith(b"RIFF") and b[8:12] == b"WEBP"),
    ("image/heic", lambda b: b[4:8] == b"ftyp" and b[8:12] in _HEIC),
    ("application/pdf", lambda b: b.startswith(b"%PDF-")),
    ("image/gif", lambda b: b.startswith(b"GIF8")),
    ("application/zip", lambda b: b.startswith((b"PK\x03\x04", b"PK\x05\x06"))),
    ("video/mp4", lambda b: b[4:8] == b"ftyp"),
)
_PILLOW = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP", "image/heic": "HEIF"}
_NAMES = {
    "": Label("无法识别的文件", "a file of unknown kind"),
    "image/heic": Label("HEIC图片", "a HEIC picture"),
    "image/gif": Label("GIF动图", "a GIF"),
    "application/zip": Label("ZIP压缩包", "a ZIP archive"),
    "application/pdf": Label("PDF文件", "a PDF"),
    "video/mp4": Label("视频", "a video"),
}

_EMPTY = Label("文件是空的，请重新选择。", "The file is empty. Please choose it again.")
_BYTES = Label(
    "文件有{got:.1f} MB，最多{most:.0f} MB。请缩小后再传。",
    "The file has {got:.1f} MB; at most {most:.0f} MB are taken. Please make it smaller.",
)
_PIXELS = Label(
    "图片有{width}×{height}像素（{got:.0f}百万），最多{most:.0f}百万。请缩小后再传。",
    "The picture has {width}×{height} pixels ({got:.0f} million); at most {most:.0f} million are taken."
    " Please make it smaller.",
)
_KIND = Label(
    "这是{name}，不能作为{wanted}。请选择JPEG、PNG或WEBP图片{more}。",
    "This is {name}, which is not taken as {wanted}. Please choose a JPEG, PNG or WEBP picture{more}.",
)
_HEIC_HINT = Label(
    "暂不支持HEIC图片。请在iPhone“设置-相机-格式”中选“兼容性最佳”，或另存为JPEG再传。",
    "HEIC pictures can't be read here. On an iPhone choose Settings, Camera, Formats, Most Compatible, or save it as JPEG.",
)
_DAMAGED = Label(
    "图片不完整或已损坏，打不开。请重新拍摄或重新选择。",
    "The picture is incomplete or damaged and can't be opened. Please take or choose it again.",
)
_DAMAGED_PDF = Label("PDF文件不完整，请重新上传。", "The PDF is incomplete. Please upload it again.")


@dataclass(frozen=True, slots=True)
class Limits:
    """What is taken, and how large the copies are: bytes of a file, pixels of a picture, edges in pixels."""

    image_bytes: int = 20 * MEGABYTE
    image_pixels: int = 40_000_000
    document_bytes: int = 20 * MEGABYTE
    image_types: tuple[str, ...] = ("image/jpeg", "image/png", "image/webp", "image/heic")
    document_types: tuple[str, ...] = ("application/pdf",)
    public_edge: int = 1600
    thumbnail_edge: int = 320


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture drawn afresh, its two smaller copies (JPEG), and what its EXIF said."""

    data: bytes
    media_type: str
    width: int
    height: int
    public: bytes
    thumbnail: bytes
    look: str
    taken_at: Instant | None
    position: tuple[float, float] | None


def sniff(data: bytes) -> str:
    """The media type by content alone; empty when it is none that we know."""
    head = data[:16]
    return next((media_type for media_type, matches in _SIGNS if matches(head)), "")


def check_kind(data: bytes, limits: Limits, *, documents: bool) -> str:
    """The media type of a file that may be kept; Unsupported, TooLarge or Invalid (with a sentence) otherwise."""
    if not data:
        raise Invalid(_EMPTY)
    media_type = sniff(data)
    is_image = media_type in limits.image_types
    if not is_image and not (documents and media_type in limits.document_types):
        wanted = Label("附件", "an attachment") if documents else Label("照片", "a photograph")
        more = Label("或PDF", " or a PDF") if documents else Label("", "")
        name = _NAMES.get(media_type, _NAMES[""])
        raise Unsupported(_KIND.filled(name=name, wanted=wanted, more=more))
    most = limits.image_bytes if is_image else limits.document_bytes
    if len(data) > most:
        raise TooLarge(_BYTES.filled(got=len(data) / MEGABYTE, most=most / MEGABYTE))
    if media_type == "application/pdf" and b"%%EOF" not in data[-1024:]:
        raise Invalid(_DAMAGED_PDF)
    return media_type


def redraw(data: bytes, media_type: str, limits: Limits, zone: ZoneInfo) -> Picture:
    """Decodes a picture within the limits and encodes it afresh, upright and without its metadata.

    TooLarge when the header says more pixels than allowed (nothing is decoded then), Invalid when the file is
    damaged or incomplete, Unsupported when Pillow here can't read the format. `zone` is that of an EXIF time without one.
    """
    from PIL import Image

    Image.init()
    form = _PILLOW[media_type]
    if form not in Image.OPEN:
        raise Unsupported(_HEIC_HINT)
    with _DECODERS:
        try:
            with Image.open(BytesIO(data), formats=(form,)) as opened:
                _measure(opened.width, opened.height, limits)
                exif = _Exif(opened)
                opened.load()
                return _copies(_upright(_plain(opened), exif.orientation), exif, media_type, limits, zone)
        except Image.DecompressionBombError as bomb:
            raise TooLarge(_pixels_unknown(limits)) from bomb
        except Refusal:
            raise
        except _BROKEN as broken:
            raise Invalid(_DAMAGED) from broken


def _pixels_unknown(limits: Limits) -> Label:
    most = limits.image_pixels / 1e6
    return Label(
        f"图片像素太多，最多{most:.0f}百万。请缩小后再传。",
        f"The picture has too many pixels; at most {most:.0f} million are taken. Please make it smaller.",
    )


def _measure(width: int, height: int, limits: Limits) -> None:
    if width * height > limits.image_pixels:
        got, most = width * height / 1e6, limits.image_pixels / 1e6
        raise TooLarge(_PIXELS.filled(width=width, height=height, got=got, most=most))


def _plain(opened: Image) -> Image:
    """The pixels alone, in sRGB on white."""
    from PIL import Image, ImageCms

    profile = opened.info.get("icc_profile")
    image: Image.Image = opened
    if image.mode.startswith("I"):
        # Sixteen bits of grey: Pillow's own conversion would cut them off, not scale them.
        image = image.convert("I").point(lambda v: v / 257).convert("L")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    if profile and image.mode in ("RGB", "CMYK"):
        try:
            source = ImageCms.ImageCmsProfile(BytesIO(profile))
            converted = ImageCms.profileToProfile(
                image, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
            )
            image = converted or image
        except (ImageCms.PyCMSError, *_BROKEN):
            image = image.convert("RGB")  # a broken profile says nothing about the colours
    if image.mode != "RGB":
        image = image.convert("RGB")
    # Some encoders write what stands here (comment, profile) without being asked.
    image.info.clear()
    return image


def _upright(image: Image, orientation: int) -> Image:
    from PIL.Image import Transpose

    turn = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }.get(orientation)
    return image if turn is None else image.transpose(turn)


def _copies(image: Image, exif: _Exif, media_type: str, limits: Limits, zone: ZoneInfo) -> Picture:
    # A screenshot stays lossless; a photograph sent as PNG would take half a minute to pack again.
    lossless = media_type == "image/png" and image.width * image.height <= LOSSLESS_PIXELS
    public = _fitted(image, limits.public_edge)
    return Picture(
        data=_encode(image, "PNG") if lossless else _encode(image, "JPEG", quality=92),
        media_type="image/png" if lossless else "image/jpeg",
        width=image.width,
        height=image.height,
        public=_encode(public, "JPEG", quality=82, progressive=True),
        thumbnail=_encode(_fitted(public, limits.thumbnail_edge), "JPEG", quality=78),
        look=look(public),
        taken_at=exif.taken_at(zone),
        position=exif.position(),
    )


def _fitted(image: Image, edge: int) -> Image:
    """The picture with its longer side at most `edge`."""
    longer = max(image.size)
    if longer <= edge:
        return image
    width, height = (max(1, round(side * edge / longer)) for side in image.size)
    return image.resize((width, height), reducing_gap=2.0)


def _encode(image: Image, form: str, **options: Any) -> bytes:
    out = BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def look(image: Image) -> str:
    """The picture's difference hash, 64 bits in 16 hexadecimal digits: which of two neighbours is lighter.

    The same picture keeps it through scaling and compression. Source: N. Krawetz, "Kind of Like That".
    """
    from PIL.Image import Resampling

    grey = image.convert("L").resize((9, 8), Resampling.BOX)
    pixels = grey.tobytes()
    bits = 0
    for y in range(8):
        for x in range(8):
            bits = bits << 1 | (pixels[9 * y + x + 1] > pixels[9 * y + x])
    return f"{bits:016x}"


class _Exif:
    """What we ask a picture's EXIF, each answer None where it is absent or nonsense."""

    def __init__(self, image: Image) -> None:
        try:
            exif = image.getexif()
            self._main: dict[int, Any] = dict(exif)
            self._taken: dict[int, Any] = dict(exif.get_ifd(0x8769))
            self._place: dict[int, Any] = dict(exif.get_ifd(0x8825))
        except _BROKEN:
            self._main, self._taken, self._place = {}, {}, {}

    @property
    def orientation(self) -> int:
        value = self._main.get(0x0112)
        return value if isinstance(value, int) else 1

    def taken_at(self, zone: ZoneInfo) -> Instant | None:
        """DateTimeOriginal with its offset, or in `zone`."""
        text, offset = self._taken.get(0x9003), self._taken.get(0x9011)
        try:
            moment = datetime.strptime(str(text).strip("\0 "), "%Y:%m:%d %H:%M:%S").replace(tzinfo=zone)
            if isinstance(offset, str) and len(offset.strip("\0 ")) == 6:
                moment = datetime.fromisoformat(moment.strftime("%Y-%m-%dT%H:%M:%S") + offset.strip("\0 "))
            return from_datetime(moment)
        except (ValueError, OverflowError):
            return None

    def position(self) -> tuple[float, float] | None:
        """Longitude and latitude as the camera wrote them (WGS-84 by the standard)."""
        try:
            lat = _degrees(self._place[2]) * (-1 if self._place.get(1) == "S" else 1)
            lon = _degrees(self._place[4]) * (-1 if self._place.get(3) == "W" else 1)
        except _BROKEN:
            return None
        if not (isfinite(lon) and isfinite(lat) and abs(lon) <= 180 and abs(lat) <= 90) or lon == lat == 0:
            return None
        return round(lon, 7), round(lat, 7)


def _degrees(parts: Iterable[Any]) -> float:
    degrees, minutes, seconds = (float(part) for part in parts)
    return degrees + minutes / 60 + seconds / 3600
