"""What schemathesis is told in its own process: as whom it comes, and what no JSON schema can say.

`CIVICLOOP_KEYS` is JSON of roles and their API keys, `CIVICLOOP_SEED` draws who comes with each request: half the
time somebody whom the operation is for, so that it gets deep, and anybody the other half, so that refusals are met.

No schema knows the district's outline, what makes bytes a photograph, or that two dates lie within 90 days of one
another. So a right position (and only a right one) is moved into the district just before it is sent, a right
moment into the last weeks; pictures are pictures, and hashes those of pictures that are there (CIVICLOOP_PHOTOS),
as the case that others are merged into is (CIVICLOOP_MASTER), and the person whom a case is handed to has an
account (CIVICLOOP_PERSON).
"""

from __future__ import annotations

import json
import os
import random
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import schemathesis
from hypothesis import strategies as st

from civicloop.kernel.derive.schema import INSTANT
from civicloop.kernel.facts.datum import DATUMS
from civicloop.loops.street.fixtures.pictures import street_picture
from tests.interop.test_open311_schema import known_formats

KEYS: dict[str, str] = json.loads(os.environ["CIVICLOOP_KEYS"])
PHOTOS: list[str] = json.loads(os.environ["CIVICLOOP_PHOTOS"])
# What an id in these fields becomes, so that it is somebody's or something's.
KNOWN = {"master": os.environ["CIVICLOOP_MASTER"], "holder": os.environ["CIVICLOOP_PERSON"]}
SEED = os.environ.get("CIVICLOOP_SEED", "0")

_PICTURES = [street_picture(f"schemathesis-{n}", problem="rubbish") for n in range(3)]
_NOW = datetime.now(UTC)
_drawn: Counter[str] = Counter()

known_formats()
for kind in ("image/jpeg", "image/png", "image/webp"):
    schemathesis.openapi.media_type(kind, st.sampled_from(_PICTURES))
schemathesis.openapi.format("binary", st.sampled_from(_PICTURES))


def drawn(operation: Any) -> str:
    """The role that comes with the operation's next request."""
    _drawn[operation.label] += 1
    draw = random.Random(f"{SEED} {operation.label} {_drawn[operation.label]}")
    declared = [role for role in operation.definition.raw.get("x-roles", ()) if role in KEYS]
    return draw.choice(declared if declared and draw.random() < 0.5 else sorted(KEYS))


@schemathesis.auth(refresh_interval=None)
class AsSomebody:
    """An API key of the role that was drawn."""

    def get(self, case: schemathesis.Case, context: schemathesis.AuthContext) -> str:
        return KEYS[drawn(context.operation)]

    def set(self, case: schemathesis.Case, data: str, context: schemathesis.AuthContext) -> None:
        case.headers["X-API-Key"] = data


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case, kwargs: dict[str, Any]) -> None:
    """Moves what is right by the schema to where and when it is right by the district."""
    if isinstance(case.body, dict):
        body = moved(case.body)
        for name, known in KNOWN.items():
            if isinstance(body.get(name), str) and re.fullmatch(r"[A-Za-z0-9_.:~-]{1,64}", body[name]):
                body[name] = known
        # Set only where something changes: a body that is set is judged anew, and a file's bytes are no JSON.
        if body != case.body:
            case.body = body
    query = case.query if isinstance(case.query, dict) else {}
    for name, hours in (("start_date", -88 * 24), ("end_date", -24)):
        if isinstance(query.get(name), str) and re.fullmatch(INSTANT, query[name]):
            query[name] = (_NOW + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


def moved(value: Any) -> Any:
    """The value with its right positions inside the district and its right hashes known."""
    if is_position(value):
        return {**value, **inside(value)}
    if isinstance(value, dict):
        return {name: moved(each) for name, each in value.items()}
    if isinstance(value, list) and all(isinstance(x, str) and re.fullmatch("[0-9a-f]{64}", x) for x in value):
        known = PHOTOS[: len(value)]
        return known if len(set(value)) == len(value) == len(known) else value
    return value


def is_position(value: Any) -> bool:
    """Whether the value is a position by the schema."""
    if not isinstance(value, dict) or not {"lon", "lat"} <= set(value) <= {"lon", "lat", "datum"}:
        return False
    numbers = all(
        isinstance(value[n], int | float) and not isinstance(value[n], bool) for n in ("lon", "lat")
    )
    return (
        numbers
        and abs(value["lon"]) <= 180
        and abs(value["lat"]) <= 90
        and value.get("datum", "wgs84") in list(DATUMS)
    )


def inside(place: dict[str, Any]) -> dict[str, float]:
    """Somewhere in the district's middle, inside by each datum: different positions stay different."""
    return {"lon": 114.2585 + 0.0035 * place["lon"] / 180, "lat": 30.6025 + 0.0075 * place["lat"] / 90}
