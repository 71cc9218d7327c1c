"""The likeness of two tellings: examples, and what holds for any."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from civicloop.kernel.facts.datum import Point
from civicloop.kernel.facts.datum import distance_m as great_circle
from civicloop.loops.street.duplicates.likeness import (
    THRESHOLD,
    Telling,
    distance_m,
    likeness,
    two_grams,
)

HOUR = 3_600_000_000
DAY = 24 * HOUR
HERE = Telling("rubbish", "appearance", 114.258, 30.605, 100 * DAY, two_grams("垃圾桶旁堆了垃圾"))
ALIKE = replace(HERE, lon=114.258 + 18 / 95_708, at=HERE.at - 3 * HOUR)

tellings = st.builds(
    Telling,
    st.sampled_from(["", "rubbish", "stall", "light"]),
    st.sampled_from(["", "appearance", "order"]),
    st.floats(114.2579, 114.2581),
    st.floats(30.6049, 30.6051),
    st.integers(0, 400 * DAY),
    st.frozensets(st.sampled_from(["垃圾", "圾桶", "路灯", "不亮"])),
    st.none() | st.integers(0, 400 * DAY),
)


def test_a_proposal_says_why() -> None:
    found = likeness(HERE, ALIKE)
    assert found is not None
    assert found.proposed
    assert found.sentence().en == "same kind, 18 m away, 3 hours earlier"
    assert found.sentence().zh == "同类问题，相距18米，早3小时"


@pytest.mark.parametrize(
    ("other", "proposed"),
    [
        (replace(ALIKE, words=two_grams("果皮箱满了")), True),
        (replace(ALIKE, kind=""), True),
        (replace(ALIKE, kind="paper"), True),
        (replace(ALIKE, kind="paper", words=two_grams("果皮箱满了")), False),
        (replace(ALIKE, closed_at=HERE.at - HOUR), False),
        (replace(ALIKE, closed_at=HERE.at + HOUR), True),
        (replace(ALIKE, lat=HERE.lat + 0.0007), False),
        (replace(ALIKE, at=HERE.at - 90 * DAY, lon=HERE.lon), True),
    ],
)
def test_what_is_proposed(other: Telling, proposed: bool) -> None:
    found = likeness(HERE, other)
    assert found is not None
    assert found.proposed == proposed, found


def test_what_has_nothing_in_common_or_lies_beyond_reach_is_no_pair() -> None:
    assert likeness(HERE, replace(ALIKE, kind="light", group="utilities")) is None
    assert likeness(HERE, replace(ALIKE, lat=HERE.lat + 0.001)) is None


@given(tellings)
def test_nothing_is_liker_than_the_same(one: Telling) -> None:
    same = likeness(one, replace(one, closed_at=None))
    assert same is not None
    assert same.points == 100 - (8 if not one.kind else 0) - (6 if not one.words else 0)


@given(tellings, tellings, st.floats(0, 0.0003))
def test_further_away_is_never_liker(one: Telling, other: Telling, step: float) -> None:
    other = replace(other, lon=one.lon, lat=one.lat + 0.0001)
    near, far = likeness(one, other), likeness(one, replace(other, lat=other.lat + step))
    if near is not None and far is not None:
        assert far.points <= near.points
        assert far.metres >= near.metres


@given(tellings, tellings, st.integers(0, 300 * DAY))
def test_longer_ago_is_never_liker_while_open(one: Telling, other: Telling, longer: int) -> None:
    other = replace(other, closed_at=None, at=min(one.at, other.at))
    near, far = likeness(one, other), likeness(one, replace(other, at=other.at - longer))
    if near is not None and far is not None:
        assert far.points <= near.points


@given(tellings, tellings)
def test_points_and_the_proposal_agree(one: Telling, other: Telling) -> None:
    found = likeness(one, other)
    if found is not None:
        assert 0 <= found.points <= 100
        assert found.proposed == (found.points >= THRESHOLD)
        assert found.sentence().zh
        assert found.sentence().en


@given(tellings, tellings)
def test_the_short_distance_is_the_great_circle(one: Telling, other: Telling) -> None:
    exact = great_circle(Point(one.lon, one.lat), Point(other.lon, other.lat))
    assert distance_m(one.lon, one.lat, other.lon, other.lat) == pytest.approx(exact, rel=1e-3, abs=0.01)
