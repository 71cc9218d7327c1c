"""The hot ways in, as bare ASGI: devices' observations and the opening of cases.

They stand before the application under their exact path, make no request object, take no thread, and wait only for
the store's grouped commit.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from civicloop.kernel.derive.routes import RouteValue
from civicloop.kernel.facts.observations import Recording, RecordingMany
from civicloop.kernel.label import Label
from civicloop.kernel.people.roles import SIGNED_IN, Actor
from civicloop.kernel.refusal import Invalid, Malformed, Refusal, TooLarge, Unsupported
from civicloop.kernel.registry.district import District
from civicloop.kernel.store.writer import Waiting
from civicloop.kernel.time.clock import MINUTE, Instant, parse_instant
from civicloop.web.admission import Headers, admit, body_of, caller, known, unreadable
from civicloop.web.api import opened
from civicloop.web.intake_rate import IntakeRate
from civicloop.web.problems import crashed, problem
from civicloop.web.shield import Gate

OBSERVATIONS: Final = "/api/observations"
LINES_AT_MOST: Final = 1000
PAYLOAD_AT_MOST: Final = 16_384
CLOCK_SKEW: Final = 5 * MINUTE

_BY = frozenset({SIGNED_IN})
_JSON: Final = (b"content-type", b"application/json")
_PROBLEM: Final = (b"content-type", b"application/problem+json")
_NO_STORE: Final = (b"cache-control", b"no-store")
_NO_GUESS: Final = (b"x-content-type-options", b"nosniff")
_NEW: Final = b'{"received":1,"new":1}'
_KNOWN: Final = b'{"received":1,"new":0}'
_LINES: Final = (b"application/x-ndjson", b"application/jsonl")

_NOT_JSON = Label(
    "观测须以 application/json 或 application/x-ndjson 发送。",
    "Send observations as application/json or application/x-ndjson.",
)
_WRONG = Label("观测有误：{why}", "The observation is wrong: {why}")
_WRONG_LINE = Label("第 {line} 行有误：{why}", "Line {line} is wrong: {why}")
_NO_TIME = Label(
    "happened_at 要写成带时区的 ISO 8601，且不早于1970年、不晚于现在。",
    "Write happened_at as ISO 8601 with its zone, from 1970 and not in the future.",
)
_TOO_MANY = Label("一次最多 {most} 条观测。", "At most {most} observations at once.")
_TOO_LONG = Label("payload 最多 {most} 字节。", "A payload has at most {most} bytes.")
_NO_OBJECT = Label(
    "观测应是一个 JSON 对象，含 source、kind、key、happened_at。",
    "An observation is a JSON object with source, kind, key and happened_at.",
)
_AT = r" - at `\$\.(?P<field>\w+)"
# msgspec's own sentences, told apart by their form; they are English and say no way out.
_SENTENCES: Final = (
    (
        re.compile(r"missing required field `(?P<field>[^`]*)`"),
        Label("缺少 {field}。", "{field} is missing."),
    ),
    (
        re.compile(r"unknown field `(?P<field>[^`]*)"),
        Label("没有名为“{field}”的字段，请去掉。", "There is no field “{field}”; leave it out."),
    ),
    (
        re.compile(rf"(?:matching regex|of length).*{_AT}"),
        Label(
            "{field} 须为字母、数字或 _ . : / @ # ~ -，且不过长。",
            "{field} has letters, digits or _ . : / @ # ~ - and is not too long.",
        ),
    ),
    (re.compile(rf"Expected.*{_AT}"), Label("{field} 应是文字。", "{field} must be text.")),
)
_BLANK = Label("至少要有一条观测。", "There must be at least one observation.")

Handler = Callable[[District, IntakeRate, Scope, Receive], Awaitable[tuple[int, bytes]]]


# \\Z, since $ would let a line break through.
_LETTERS: Final = r"[A-Za-z0-9_.:/@#~-]"
Name = Annotated[str, msgspec.Meta(max_length=64, pattern=rf"\A{_LETTERS}+\Z")]
Key = Annotated[str, msgspec.Meta(max_length=200, pattern=rf"\A{_LETTERS}+\Z")]
KeyOrNone = Annotated[str, msgspec.Meta(max_length=200, pattern=rf"\A{_LETTERS}*\Z")]


class Observed(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One observation as a device sends it; `payload` stays the text it came as.

    `key` is what the source itself calls the thing: the same key again adds nothing. `retracts` is the key of an earlier
    one that it takes back.
    """

    source: Name
    kind: Name
    key: Key
    happened_at: str
    payload: msgspec.Raw = msgspec.Raw(b"{}")
    subject: KeyOrNone = ""
    retracts: KeyOrNone = ""


_one = msgspec.json.Decoder(Observed).decode


class HotWays:
    """The hot ways in by their exact path, for POST; everything else goes on to `app`, the shielded one."""

    def __init__(
        self,
        app: ASGIApp,
        gate: Gate,
        district: District,
        rate: IntakeRate,
        openings: Mapping[str, RouteValue],
    ) -> None:
        self._app = app
        self._gate = gate
        self._district = district
        self._rate = rate
        self._handlers: dict[str, Handler] = {OBSERVATIONS: observed}
        for path, value in openings.items():
            self._handlers[path] = _opening(value)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        hot = scope["type"] == "http" and scope["method"] == "POST"
        handler = self._handlers.get(scope["path"]) if hot else None
        if handler is None:
            await self._app(scope, receive, send)
            return
        try:
            body_from = self._gate.enter(scope, receive)
            status, body = await handler(self._district, self._rate, scope, body_from)
            headers = [_JSON, _NO_STORE, _NO_GUESS, (b"content-length", b"%d" % len(body))]
        except Refusal as refused:
            status, body, headers = _refusal(refused)
        except Exception as error:  # noqa: BLE001 - a fault of ours is logged and told as on every other way
            status, body, headers = _refusal(crashed(scope["method"], scope["path"], error))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def remembered(self, headers: Headers) -> Actor | None:
        """Who may send observations by these headers and is known without asking the store; None for anybody else."""
        try:
            self._gate.enter_by(headers)
            who = known(self._district, headers)
            return None if who is None else admit(self._district, who, headers, _BY, "open", writes=True)
        except Refusal:
            return None  # told on the way of every request

    def record(self, actor: Actor, body: bytes, waiting: Waiting) -> None:
        """Hands one observation to the store's writer; `waiting` hears of its end, or of a refusal at once."""
        try:
            recording = _recording(self._district, actor, _read(body))
        except Exception as error:  # noqa: BLE001 - told apart by `of_error`
            waiting.set_exception(error)
            return
        self._district.store.hand(recording, waiting)

    @staticmethod
    def of_observation(new: bool) -> tuple[int, bytes, bytes]:
        """Status, body and head of the answer to one observation."""
        return (201, _NEW, _HEAD) if new else (200, _KNOWN, _HEAD)

    @staticmethod
    def of_error(error: Exception, method: str, path: str) -> tuple[int, bytes, bytes]:
        """The same of what became of it otherwise."""
        refused = error if isinstance(error, Refusal) else crashed(method, path, error)
        status, body, headers = _refusal(refused)
        return status, body, b"".join(_line(pair) for pair in headers if pair[0] != b"content-length")


def _line(header: tuple[bytes, bytes]) -> bytes:
    return b"%b: %b\r\n" % header


_HEAD: Final = b"".join(map(_line, (_JSON, _NO_STORE, _NO_GUESS)))


def _refusal(refused: Refusal) -> tuple[int, bytes, list[tuple[bytes, bytes]]]:
    body = msgspec.json.encode(problem(refused))
    headers = [_PROBLEM, _NO_GUESS, (b"content-length", b"%d" % len(body)), *_of_refusal(refused)]
    return refused.status, body, headers


def _of_refusal(refused: Refusal) -> list[tuple[bytes, bytes]]:
    found = []
    if "retry_after_seconds" in refused.extra:
        found.append((b"retry-after", str(refused.extra["retry_after_seconds"]).encode()))
    if refused.status == 401:
        found.append((b"www-authenticate", b'Bearer realm="civicloop"'))
    return found


def _opening(value: RouteValue) -> Handler:
    async def handler(
        district: District, rate: IntakeRate, scope: Scope, receive: Receive
    ) -> tuple[int, bytes]:
        return 201, msgspec.json.encode(await opened(district, rate, scope, receive, value))

    return handler


async def observations(request: Request) -> Response:
    """The same way in through the ordinary routes, for what lists and checks them; the hot one stands before it."""
    status, body = await observed(
        request.app.state.district, request.app.state.intake_rate, request.scope, request.receive
    )
    return Response(body, status, media_type="application/json")


async def observed(
    district: District,
    rate: IntakeRate,  # noqa: ARG001
    scope: Scope,
    receive: Receive,
) -> tuple[int, bytes]:
    """POST /api/observations: one durable row for one observation, or many by JSON lines, all or none."""
    headers = Headers.of(scope)
    actor = admit(district, await caller(district, headers), headers, _BY, "open", writes=True)
    kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if kind in _LINES:
        return await _many(district, actor, await body_of(receive))
    if kind != b"application/json":
        raise Unsupported(_NOT_JSON)
    body = await body_of(receive)
    recording = _recording(district, actor, _read(body))
    new = await district.store.awrite(recording)
    return (201, _NEW) if new else (200, _KNOWN)


async def _many(district: District, actor: Actor, body: bytes) -> tuple[int, bytes]:
    lines = [(number, line) for number, line in enumerate(body.split(b"\n"), 1) if line.strip()]
    if not lines:
        raise Malformed(_BLANK)
    if len(lines) > LINES_AT_MOST:
        raise TooLarge(_TOO_MANY.filled(most=LINES_AT_MOST))
    recordings: list[Recording] = []
    for number, line in lines:
        try:
            recordings.append(_recording(district, actor, _read(line)))
        except Refusal as refused:
            reason = _WRONG_LINE.filled(line=number, why=refused.reason)
            refused.reason, refused.extra = reason, {**refused.extra, "line": number}
            raise
    new = await district.store.awrite(RecordingMany(recordings))
    return (201 if new else 200), b'{"received":%d,"new":%d}' % (len(recordings), new)


def _read(body: bytes) -> Observed:
    try:
        return _one(body)
    except msgspec.ValidationError as error:
        field, why = _told_of(str(error))
        raise Invalid(_WRONG.filled(why=why), fields={field: why}) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise unreadable(body, error) from error


def _told_of(words: str) -> tuple[str, Label]:
    """The field that msgspec's sentence is about, "body" for the whole, and what is to be said of it."""
    for pattern, sentence in _SENTENCES:
        found = pattern.search(words)
        if found:
            field = found["field"] or "body"
            return field[:60], sentence.filled(field=field[:60])
    return "body", _NO_OBJECT


def _recording(district: District, actor: Actor, told: Observed) -> Recording:
    payload = bytes(told.payload)
    if len(payload) > PAYLOAD_AT_MOST:
        raise TooLarge(_TOO_LONG.filled(most=PAYLOAD_AT_MOST))
    # Only the account that told it can repeat it or take it back.
    return district.observations.recording(
        f"{told.source}@{actor.account_id}", told.kind, told.key, _instant(district, told.happened_at),
        payload.decode(), subject=told.subject, retracts_key=told.retracts or None,
    )  # fmt: skip


def _instant(district: District, text: str) -> Instant:
    try:
        at = parse_instant(text)
    except (ValueError, OverflowError):
        at = -1
    if not 0 <= at <= district.clock.now() + CLOCK_SKEW:
        raise Invalid(_NO_TIME, fields={"happened_at": _NO_TIME})
    return at
