"""What a handler reads: an upload, an address, or what another task made. `context.input` makes a local file of it.

A task type that takes one has a field `source: Source` in its parameters.
"""

from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

#: Longer addresses are refused by many servers.
MAXIMUM_URL = 4096


class _SourceModel(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class FileSource(_SourceModel):
    """A file by its id: an upload, or an artifact."""

    file_id: UUID = Field(strict=False, description="As `POST /files` gave it, or `artifacts` of a task.")


class UrlSource(_SourceModel):
    """A file somewhere on the web, fetched when the task runs."""

    url: str = Field(
        pattern=r"^https?://[^\s]+$", max_length=MAXIMUM_URL, description="Public addresses alone, http or https."
    )


class ArtifactSource(_SourceModel):
    """What a completed task made, by its name."""

    task_id: UUID = Field(strict=False)
    artifact: str = Field(min_length=1, max_length=255, description="The name of the artifact.")


#: The fields that tell the kinds apart.
KINDS = ("file_id", "url", "task_id")


def _kind(value: Any) -> str | None:
    names = value if isinstance(value, dict) else getattr(type(value), "model_fields", ())
    found = [kind for kind in KINDS if kind in names]
    return found[0] if len(found) == 1 else None


Source = Annotated[
    Annotated[FileSource, Tag("file_id")]
    | Annotated[UrlSource, Tag("url")]
    | Annotated[ArtifactSource, Tag("task_id")],
    Discriminator(
        _kind,
        custom_error_type="source_kind",
        custom_error_message="give exactly one of `file_id`, `url`, or `task_id` with `artifact`",
    ),
]
