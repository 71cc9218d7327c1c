"""The arithmetic: settlements in fen that always add up, and a share with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from civicloop.loops.homes.counting.settlement import Visit, deduction_fen, lines, part_fen, statement
from civicloop.loops.homes.counting.survey import draw, interval, share

MONTHS = ("2026-08", "2026-09", "2026-10", "2026-11", "2026-12")


@st.composite
def visits(draw: st.DrawFn, months: Sequence[str] = MONTHS) -> tuple[Visit, ...]:
    made = [
        Visit(
            f"c{number}",
            draw(st.sampled_from(months)),
            draw(st.sampled_from(("cleaning", "patrol"))),
            draw(st.sampled_from(("verified", "missed", "open"))),
            draw(st.booleans()),
            draw(st.integers(0, 10**7)),
            draw(st.integers(0, 20_000)),
            draw(st.integers(0, 10_000)),
        )
        for number in range(draw(st.integers(0, 12)))
    ]
    return tuple(made)


def visit(
    outcome: str = "verified", *, redone: bool = False, month: str = "2026-10", price: int = 4550
) -> Visit:
    return Visit("c", month, "cleaning", outcome, redone, price, 5000, 1250)  # type: ignore[arg-type]


def test_a_month_by_hand() -> None:
    found = statement(
        "2026-10", [visit()] * 17 + [visit(redone=True)] * 3 + [visit("missed")] + [visit("open")] * 9, []
    )
    # 20 x 45.50 = 910.00; three redone at 5.69 (568.75 fen, half a fen up) and one missed at 22.75.
    assert (found.lines[0].gross_fen, found.lines[0].deducted_fen) == (91_000, 3 * 569 + 2275)
    assert found.amount_fen == 87_018
    assert found.by_month == {"2026-10": 87_018}


def test_a_later_change_is_a_signed_difference() -> None:
    before = statement("2026-10", [visit(), visit("missed")], [])
    assert before.amount_fen == 4550 - 2275
    # The missed one is excused (open here), and the verified one was redone after a rating.
    after = statement(
        "2026-11", [visit(redone=True), visit("open"), visit(month="2026-11")], [before.by_month]
    )
    assert [(d.month, d.delta_fen) for d in after.differences] == [("2026-10", 2275 - 569)]
    assert after.amount_fen == 4550 + 2275 - 569


def test_a_difference_may_take_more_back_than_the_month_is_worth() -> None:
    before = statement("2026-10", [visit()] * 3, [])
    after = statement("2026-11", [visit("missed")] * 3, [before.by_month])
    assert after.amount_fen == -3 * (4550 + 2275)


def test_a_stated_month_is_frozen() -> None:
    with pytest.raises(ValueError, match="stated already"):
        statement("2026-10", [visit()], [{"2026-10": 1}])


@given(st.lists(visits(), min_size=len(MONTHS), max_size=len(MONTHS)))
def test_all_that_was_ever_stated_for_a_month_is_what_it_is_worth_now(known: list[tuple[Visit, ...]]) -> None:
    """Whatever changed from month to month: the sums of the statements are the worth by the newest knowledge."""
    stated: list[dict[str, int]] = []
    paid = 0
    for month, then in zip(MONTHS, known, strict=True):
        found = statement(month, then, stated)
        stated.append(found.by_month)
        paid += found.amount_fen
        worth = {
            m: sum(line.amount_fen for line in lines(v for v in then if v.month == m))
            for m in MONTHS
            if m <= month
        }
        assert paid == sum(worth.values())
        for name, amount in worth.items():
            assert sum(each.get(name, 0) for each in stated) == amount
    assert all(isinstance(value, int) for each in stated for value in each.values())


@given(visits(("2026-10",)))
def test_lines_are_the_visits(known: tuple[Visit, ...]) -> None:
    found = lines(known)
    assert sum(x.verified + x.missed for x in found) == sum(v.outcome != "open" for v in known)
    assert sum(x.gross_fen for x in found) == sum(v.price_fen for v in known if v.outcome == "verified")
    assert sum(x.deducted_fen for x in found) == sum(map(deduction_fen, known))
    assert all(x.redone <= x.verified for x in found)


@given(st.integers(0, 10**12), st.integers(0, 20_000))
def test_a_part_is_the_nearest_fen(price: int, basis_points: int) -> None:
    exact = Fraction(price * basis_points, 10_000)
    assert abs(part_fen(price, basis_points) - exact) <= Fraction(1, 2)
    assert part_fen(price, basis_points) == int(exact + Fraction(1, 2))


def test_a_part_is_never_of_less_than_nothing() -> None:
    with pytest.raises(ValueError, match="never negative"):
        part_fen(-1, 100)


# ---- the survey -------------------------------------------------------------------------------------------------------

FRAME = tuple(f"E{n // 10:03d}-01-{n % 10}" for n in range(2000))


def test_wilson_as_the_textbook_has_it() -> None:
    """Without a finite frame to speak of: 8 of 10 gives 0.490 to 0.943 (Wilson's interval, Newcombe 1998, method 3)."""
    low, high = interval(8, 10, 10**9)
    assert (round(low, 4), round(high, 4)) == (0.4902, 0.9433)
    low, high = interval(0, 20, 10**9)
    assert (low, round(high, 4)) == (0.0, 0.1611)


@given(st.integers(0, 400), st.data())
def test_the_interval_holds_the_share_and_narrows(answered: int, data: st.DataObject) -> None:
    satisfied = data.draw(st.integers(0, answered))
    frame = answered + data.draw(st.integers(0, 4000))
    low, high = interval(satisfied, answered, frame)
    assert 0 <= low <= high <= 1
    if answered:
        assert low <= satisfied / answered <= high
    wide_low, wide_high = interval(satisfied, answered, frame + 10_000)
    assert wide_low <= low + 1e-12
    assert high - 1e-12 <= wide_high
    # Nobody was left out: what they said is what it is.
    if answered > 1:
        everybody = interval(satisfied, answered, answered)
        assert everybody == pytest.approx((satisfied / answered, satisfied / answered))


@given(st.integers(1, 200), st.data())
def test_the_interval_is_symmetric(answered: int, data: st.DataObject) -> None:
    satisfied = data.draw(st.integers(0, answered))
    low, high = interval(satisfied, answered, answered * 5)
    other_low, other_high = interval(answered - satisfied, answered, answered * 5)
    assert (1 - other_high, 1 - other_low) == pytest.approx((low, high))


def test_who_did_not_answer_is_not_counted() -> None:
    found = share([5, 4, 3, 1], asked=10, frame=100)
    assert (found.satisfied, found.answered, found.share, found.response) == (2, 4, 0.5, 0.4)
    empty = share([], asked=10, frame=100)
    assert (empty.share, empty.low, empty.high) == (None, 0.0, 1.0)
    with pytest.raises(ValueError, match="can't be"):
        interval(3, 2, 10)


@given(st.integers(0, 2500), st.text(max_size=12))
def test_a_seed_draws_one_sample(size: int, seed: str) -> None:
    sample = draw(FRAME, size, seed)
    assert len(sample) == len(set(sample)) == min(size, len(FRAME))
    assert set(draw(FRAME[::-1], size, seed)) == set(sample)
    assert set(draw(FRAME, max(size - 1, 0), seed)) <= set(sample)


def test_each_unit_is_as_likely() -> None:
    """Over 200 seeds a tenth of the frame is drawn about a tenth of the time: within five standard deviations, each."""
    drawn = [0] * 100
    frame = FRAME[:100]
    for seed in range(200):
        for member in draw(frame, 10, str(seed)):
            drawn[frame.index(member)] += 1
    assert sum(drawn) == 2000
    assert max(abs(n - 20) for n in drawn) < 5 * (200 * 0.1 * 0.9) ** 0.5
