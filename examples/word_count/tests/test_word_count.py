"""Tests of word_count, without services."""

from atropos_example_word_count.task_type import word_count

from atropos_sdk import Stopped, testing


def test_it_counts() -> None:
    """Words are counted in any case, and progress is shown line by line."""
    ran = testing.run(word_count, {"text": "To be or\nnot to be", "most_common": 1})
    assert ran.result == {"words": 6, "different": 4, "most_common": {"to": 2}}
    assert ran.progress == [(0.5, "line 1 of 2"), (1.0, "line 2 of 2")]


def test_it_stops() -> None:
    """A cancel ends it at the next line."""
    ran = testing.run(word_count, {"text": "a\nb\nc"}, stop_when=lambda context: len(context.reported) == 1)
    assert isinstance(ran.error, Stopped)
