"""A small OpenID provider that signs people in for real: discovery, codes, PKCE, keys, id tokens.

It checks what a client must send and forgets a code once it is used. A test may name the person who sits
at the browser, bend the next id token (`twist`), or change the keys.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from civicloop.kernel.time.clock import SECOND, Clock

CLIENT, SECRET = "civicloop", "a secret/with+marks"
Twist = Callable[[dict[str, Any], dict[str, Any]], str | None]


@dataclass
class OidcProvider:
    """The provider; `issuer` is its address once it is started."""

    clock: Clock
    redirect_uri: str = "http://127.0.0.1:1/oidc"
    person: dict[str, Any] = field(default_factory=lambda: {"sub": "u-1", "preferred_username": "wang"})
    twist: Twist | None = None
    down: bool = False
    issuer: str = ""
    asked: list[str] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.key: RSAKey | ECKey = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
        self.algorithm = "RS256"

    def start(self) -> None:
        """Listens on a free port of the loopback."""
        door = socket.socket()
        door.bind(("127.0.0.1", 0))
        self.issuer = f"http://127.0.0.1:{door.getsockname()[1]}"
        routes = [
            Route("/.well-known/openid-configuration", self.discovery),
            Route("/authorize", self.authorize),
            Route("/token", self.token, methods=["POST"]),
            Route("/keys", self.keys),
        ]
        config = uvicorn.Config(Starlette(routes=routes), log_level="error", lifespan="off")
        self.server = uvicorn.Server(config)
        door.listen(16)
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [door]}, daemon=True)
        self.thread.start()

    def stop(self) -> None:
        """Ends the server."""
        self.server.should_exit = True
        self.thread.join()

    def discovery(self, request: Request) -> Response:
        self.asked.append("discovery")
        if self.down:
            return Response("out of order", 503)
        return JSONResponse(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "response_types_supported": ["code"],
            }
        )

    def authorize(self, request: Request) -> Response:
        q = dict(request.query_params)
        assert q["response_type"] == "code"
        assert q["client_id"] == CLIENT
        assert q["redirect_uri"] == self.redirect_uri
        assert q["code_challenge_method"] == "S256"
        assert "openid" in q["scope"].split()
        code = secrets.token_urlsafe(16)
        self.codes[code] = q
        return RedirectResponse(f"{self.redirect_uri}?code={code}&state={q['state']}&iss={self.issuer}")

    async def token(self, request: Request) -> Response:
        form = await request.form()
        q = self.codes.pop(str(form["code"]), None)
        digest = hashlib.sha256(str(form["code_verifier"]).encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        expected = base64.b64encode(b"civicloop:a+secret%2Fwith%2Bmarks").decode()
        if request.headers.get("authorization") != f"Basic {expected}":
            return JSONResponse({"error": "invalid_client"}, 401)
        if q is None or form["redirect_uri"] != q["redirect_uri"] or challenge != q["code_challenge"]:
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = self.clock.wall() // SECOND
        times = {"iat": now, "exp": now + 300}
        claims = {"iss": self.issuer, "aud": CLIENT, "nonce": q["nonce"], **times, **self.person}
        header = {"alg": self.algorithm, "kid": self.key.kid}
        bent = self.twist(header, claims) if self.twist else None
        token = bent or jwt.encode(header, claims, self.key, algorithms=[header["alg"]])
        return JSONResponse({"access_token": "x", "token_type": "Bearer", "id_token": token})

    def keys(self, request: Request) -> Response:
        self.asked.append("keys")
        other = {"kty": "OKP", "crv": "X25519", "x": "unusable", "kid": "other", "use": "enc"}
        return JSONResponse({"keys": [other, *KeySet([self.key]).as_dict(private=False)["keys"]]})
