"""The files of the front end, served from our own origin with the caching each kind allows."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

STATIC: Final = Path(__file__).resolve().parent / "static"


class Assets(StaticFiles):
    """`/static`: vendored files carry their version in the path and never change, ours are asked for again."""

    def __init__(self) -> None:
        super().__init__(directory=STATIC)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file with its Cache-Control; a missing one is Starlette's 404."""
        response = await super().get_response(path, scope)
        kept = "public, max-age=31536000, immutable" if path.startswith("vendor/") else "no-cache"
        response.headers["Cache-Control"] = kept
        if path.endswith(".mjs"):
            response.headers["Content-Type"] = "text/javascript; charset=utf-8"
        return response
