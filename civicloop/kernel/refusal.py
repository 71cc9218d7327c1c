"""Refusals: why the district did not do what was asked, in words that say how to mend it.

A refused action changes nothing at all. The web layer turns a refusal into problem+json (RFC 9457) for
programs and into the page's error summary for people; both show the same sentence.
"""

from __future__ import annotations

from collections.abc import Mapping

from civicloop.kernel.label import Label


class Refusal(Exception):
    """Base of all refusals: `status` is the HTTP status, `code` the stable machine word."""

    status = 400
    code = "refused"

    def __init__(
        self,
        reason: Label,
        *,
        code: str | None = None,
        fields: Mapping[str, Label] | None = None,
        extra: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(reason.en)
        self.reason = reason
        self.fields: dict[str, Label] = dict(fields or {})
        self.extra: dict[str, object] = dict(extra or {})
        if code is not None:
            self.code = code


class Malformed(Refusal):
    """The request could not be read at all (wrong JSON, wrong XML)."""

    status, code = 400, "malformed"


class SignIn(Refusal):
    """Nobody is signed in, or the credentials are wrong."""

    status, code = 401, "sign-in"


class Forbidden(Refusal):
    """The person is known, and may not do this here."""

    status, code = 403, "forbidden"


class Missing(Refusal):
    """There is no such thing, or this person may not know that there is."""

    status, code = 404, "missing"


class Conflict(Refusal):
    """Somebody else changed it first; `extra["revision"]` is the present revision."""

    status, code = 409, "conflict"


class NotNow(Refusal):
    """The action exists, but not in the present state."""

    status, code = 409, "not-now"


class Guarded(Refusal):
    """A declared guard said no; `reason` is the guard's own sentence."""

    status, code = 409, "guarded"


class TooLarge(Refusal):
    """More bytes or pixels than the limit."""

    status, code = 413, "too-large"


class Unsupported(Refusal):
    """A kind of content that is not taken here."""

    status, code = 415, "unsupported"


class Invalid(Refusal):
    """One or more fields are wrong; `fields` has a sentence a field."""

    status, code = 422, "invalid"


class TooMany(Refusal):
    """Too many tries; `extra["retry_after_seconds"]` says when to come back."""

    status, code = 429, "too-many"


class Unavailable(Refusal):
    """The store cannot take it now (full disk, locked file, server gone); nothing was written."""

    status, code = 503, "unavailable"
