"""Ids, the retry curve, and what jsonb can hold."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atropos_core import json_values
from atropos_core.errors import ValueNotStorable
from atropos_core.lifecycle import new_task_id, retry_delay


def test_ids_are_uuid7_of_now_and_only_grow() -> None:
    """Also within one millisecond."""
    ids = [new_task_id() for _ in range(10_000)]
    assert {(7, "specified in RFC 4122")} == {(one.version, one.variant) for one in ids}
    assert sorted(set(ids)) == ids
    assert abs((ids[-1].int >> 80) - time.time() * 1000) < 5000


@given(failures=st.integers(1, 10_000), base=st.floats(0, 60), cap=st.floats(0, 3600))
def test_a_retry_waits_between_nothing_and_the_doubled_base(failures: int, base: float, cap: float) -> None:
    """Full jitter, and never above the cap however many failures there were."""
    delay = retry_delay(failures, base=base, cap=cap)
    assert 0 <= delay <= min(cap, base * 2.0 ** min(failures - 1, 60))


def test_later_retries_wait_longer() -> None:
    """On average: the ceiling doubles."""
    first, fifth = (sum(retry_delay(failures, base=1, cap=1000) for _ in range(2000)) / 2000 for failures in (1, 5))
    assert 8 < fifth / first < 32


@pytest.mark.parametrize("value", ["nul \x00", {"nul \x00": 1}, ["lone \ud800"], float("nan"), float("inf"), object()])
def test_what_jsonb_cannot_hold_is_refused(value: object) -> None:
    """With a sentence instead of an error of the database."""
    with pytest.raises(ValueNotStorable):
        json_values.encode(value, limit=1000, name="value")


@pytest.mark.parametrize("value", ["a \\u0000 in words", "\\\\u0000", "pair \U0001f600", "\\ud800", {"a": [1, None]}])
def test_what_only_looks_like_it_is_kept(value: object) -> None:
    """An escaped backslash is no NUL, and a paired surrogate is a character."""
    assert json.loads(json_values.encode(value, limit=1000, name="value")) == value


def test_what_is_too_large_or_too_deep_is_refused() -> None:
    """With the limit in the message."""
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(ValueNotStorable):
        json_values.encode(deep, limit=10**9, name="value")
    with pytest.raises(ValueNotStorable, match="limit is 10"):
        json_values.encode("x" * 11, limit=10, name="value")
    while deep:
        (deep,) = deep  # type: ignore[assignment]  # unwound by hand: its own destructor would recurse
