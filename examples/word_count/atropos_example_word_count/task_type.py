"""The task type word_count. The API imports this module too; what is heavy would be imported inside the function."""

import re
from collections import Counter

from pydantic import BaseModel, Field

from atropos_sdk import TaskContext, TaskParameters, task_type

WORD = re.compile(r"\w+")


class WordCountParameters(TaskParameters):
    """The text to count in."""

    text: str = Field(min_length=1, max_length=200_000, description="The text whose words are counted.")
    most_common: int = Field(10, ge=1, le=1000, description="How many of the most common words to return.")


class WordCount(BaseModel):
    """The result."""

    words: int
    different: int
    most_common: dict[str, int]


@task_type(name="word_count", example={"text": "to be or not to be", "most_common": 2})
def word_count(parameters: WordCountParameters, context: TaskContext) -> WordCount:
    """Counts the words of a text.

    Line by line: `progress` ends it here when the task is cancelled.
    """
    counts: Counter[str] = Counter()
    lines = parameters.text.splitlines()
    for number, line in enumerate(lines, start=1):
        counts.update(WORD.findall(line.lower()))
        context.progress(number / len(lines), f"line {number} of {len(lines)}")
    return WordCount(
        words=counts.total(), different=len(counts), most_common=dict(counts.most_common(parameters.most_common))
    )
