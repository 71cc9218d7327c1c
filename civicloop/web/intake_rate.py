"""How often one address may report without an account: counted in memory, so that the intake pays no statement."""

from __future__ import annotations

from collections import OrderedDict

from civicloop.kernel.label import Label
from civicloop.kernel.refusal import TooMany
from civicloop.kernel.time.clock import MINUTE, SECOND, Clock, Instant

ADDRESSES = 20_000

_LATER = Label("上报过于频繁，请 {n} 秒后再试。", "Too many reports; please try again in {n} seconds.")


class IntakeRate:
    """At most `most` reports an address within `window` microseconds of the wall clock; old addresses are forgotten."""

    def __init__(self, clock: Clock, *, most: int = 60, window: Instant = 60 * MINUTE) -> None:
        self._clock = clock
        self._most = most
        self._window = window
        self._seen: OrderedDict[str, tuple[Instant, int]] = OrderedDict()

    def count(self, address: str, *, most: int | None = None) -> None:
        """Counts one report; TooMany says when to come back. `most` is for a door with a limit of its own."""
        now = self._clock.wall()
        since, count = self._seen.get(address, (now, 0))
        if now - since >= self._window:
            since, count = now, 0
        if count >= (self._most if most is None else most):
            wait = max(1, (since + self._window - now) // SECOND)
            raise TooMany(_LATER.filled(n=wait), extra={"retry_after_seconds": wait})
        self._seen[address] = (since, count + 1)
        self._seen.move_to_end(address)
        if len(self._seen) > ADDRESSES:
            self._seen.popitem(last=False)
