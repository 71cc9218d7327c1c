"""Named points at which a test may stop, kill or fail the process.

The product only calls `reach`; a test sets `hook`. Every point is listed here, so that a crash test can
walk them all and fail when one was never reached.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum


class Point(StrEnum):
    """Where a fault can strike, in the order of an action's life."""

    TAKEN = "taken"  # an operation was taken from the queue, nothing has begun
    BEGUN = "begun"  # the transaction is open
    JUDGED = "judged"  # guards have agreed, nothing is written
    HISTORY_WRITTEN = "history_written"
    CASE_WRITTEN = "case_written"
    CLOCKS_WRITTEN = "clocks_written"
    OUTBOX_WRITTEN = "outbox_written"
    RELEASED = "released"  # the operation's savepoint is released
    BEFORE_COMMIT = "before_commit"
    AFTER_COMMIT = "after_commit"  # durable, not answered
    EFFECT_CLAIMED = "effect_claimed"  # an outbox row is leased, its handler has not run
    EFFECT_DONE = "effect_done"  # the handler has run, the row is not marked
    TICK = "tick"  # a due limit was found, its breach is not written


hook: Callable[[Point], None] | None = None


def reach(point: Point) -> None:
    """Marks that execution has come to `point`; does nothing outside a test."""
    if hook is not None:
        hook(point)
