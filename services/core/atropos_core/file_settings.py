"""The settings of files: where their contents are, and how large and how old they may be. A part of settings.py."""

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings


class FileSettings(BaseSettings):
    """Inherited by `Settings`, which tells how the names in the environment are made."""

    #: Where the contents of files are: `file:///folder`, which all processes must see, or `s3://bucket/prefix`. None
    #: keeps no files.
    storage_url: str | None = Field(None, pattern=r"^(file:///.|s3://[^/?#]+)")
    #: The address of an S3-compatible store, such as `http://minio:9000`; none is Amazon's.
    storage_endpoint: str | None = Field(
        None,
        pattern=r"^https?://",
        validation_alias=AliasChoices("ATROPOS_STORAGE_ENDPOINT", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
    )
    #: The region of the bucket.
    storage_region: str = Field(
        "us-east-1", validation_alias=AliasChoices("ATROPOS_STORAGE_REGION", "AWS_REGION", "AWS_DEFAULT_REGION")
    )
    #: The key to the bucket. Without one it comes from the pod's or the machine's role, as with Amazon's own tools.
    storage_access_key_id: str | None = Field(
        None, validation_alias=AliasChoices("ATROPOS_STORAGE_ACCESS_KEY_ID", "AWS_ACCESS_KEY_ID")
    )
    #: The secret that belongs to it.
    storage_secret_access_key: SecretStr | None = Field(
        None, validation_alias=AliasChoices("ATROPOS_STORAGE_SECRET_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY")
    )
    #: The token of a key that lasts for a while only.
    storage_session_token: SecretStr | None = Field(
        None, validation_alias=AliasChoices("ATROPOS_STORAGE_SESSION_TOKEN", "AWS_SESSION_TOKEN")
    )
    #: The largest file, uploaded or made by a task; a larger upload is 413, and a larger artifact fails its task.
    max_file_bytes: int = Field(5 * 1024**3, ge=1, le=5 * 1024**4)
    #: Where handlers get a folder for their attempt; none is the system's place for temporary files.
    scratch_directory: str | None = None
    #: Days that uploads are kept, whether or not tasks read them; `none` keeps them for ever. Artifacts go with tasks.
    retention_uploads_days: float | None = Field(30.0, gt=0, le=36_500)
    #: How often the dispatcher looks for contents that no file needs any more.
    file_sweep_seconds: float = Field(30.0, gt=0)
