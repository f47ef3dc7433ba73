"""The settings of `data_processing`, and of whatever else reads tables. A part of settings.py."""

from pydantic import Field
from pydantic_settings import BaseSettings


class DataSettings(BaseSettings):
    """Inherited by `Settings`, which tells how the names in the environment are made."""

    #: The memory that DuckDB may use for one task; what does not fit is put aside on disk where that can be done.
    data_memory_bytes: int = Field(256 * 1024**2, ge=32 * 1024**2)
    #: Threads that one task computes with.
    data_threads: int = Field(2, ge=1, le=128)
    #: The largest file that a task may write; it is ended when there is more.
    data_max_output_bytes: int = Field(5 * 1024**3, ge=1)
    #: What a task may put aside on disk, in its scratch folder.
    data_max_temporary_bytes: int = Field(10 * 1024**3, ge=0)
