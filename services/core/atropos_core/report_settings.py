"""The settings of `report_generation`. A part of settings.py."""

from pydantic import Field
from pydantic_settings import BaseSettings


class ReportSettings(BaseSettings):
    """Inherited by `Settings`, which tells how the names in the environment are made."""

    #: A folder with templates of reports, each a folder with `report.typ`, `report.html` and what they use; they go
    #: before those that come along. None has those alone.
    report_templates: str | None = None
    #: The memory that typesetting one report may take.
    report_memory_bytes: int = Field(1024**3, ge=128 * 1024**2)
