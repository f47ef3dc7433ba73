"""What may be submitted. Imported by the API, which has no worker: the handler is only named."""

from pydantic import Field

from atropos_core.catalog import TaskParameters, TaskType


class WordCountParameters(TaskParameters):
    """The text to count in."""

    text: str = Field(min_length=1, max_length=200_000, description="The text whose words are counted.")
    most_common: int = Field(10, ge=1, le=1000, description="How many of the most common words to return.")


word_count = TaskType(
    name="word_count",
    description="Counts the words of a text.",
    parameters=WordCountParameters,
    handler="atropos_example_word_count.handler:run",
    example={"text": "to be or not to be", "most_common": 2},
)
