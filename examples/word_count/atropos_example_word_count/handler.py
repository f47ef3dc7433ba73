"""The work. Imported by workers alone."""

import re
from collections import Counter

from pydantic import BaseModel

from atropos_example_word_count.task_type import WordCountParameters
from atropos_worker.context import TaskContext

WORD = re.compile(r"\w+")


class WordCount(BaseModel):
    """The result."""

    words: int
    different: int
    most_common: dict[str, int]


def run(parameters: WordCountParameters, context: TaskContext) -> WordCount:
    """Count line by line; `progress` ends the handler here when the task is cancelled."""
    counts: Counter[str] = Counter()
    lines = parameters.text.splitlines()
    for number, line in enumerate(lines, start=1):
        counts.update(WORD.findall(line.lower()))
        context.progress(number / len(lines), f"line {number} of {len(lines)}")
    return WordCount(
        words=counts.total(), different=len(counts), most_common=dict(counts.most_common(parameters.most_common))
    )
