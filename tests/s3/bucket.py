"""A bucket on a server of the S3 protocol that checks each signature; conftest.py starts one for all tests here."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import httpx

from atropos_cli.embedded.ports import free_port
from tests.stack import wait_until

NAME, PREFIX = "files", "some/prefix"
REGION = "eu-central-1"
POLICY = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}'
#: Calls that make the user, its key, its rights and the bucket: from then on moto takes signed ones only.
UNSIGNED_CALLS = "4"


class Bucket:
    """One bucket, and what is in it by the server's own account."""

    def __init__(self, directory: Path) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        with (directory / "moto.log").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
                env={**os.environ, "INITIAL_NO_AUTH_ACTION_COUNT": UNSIGNED_CALLS},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def make(self) -> "Bucket":
        """Wait for the server and make the bucket, with a key that may use it."""
        wait_until(self._serves, seconds=60, what="the server of S3")
        accounts = self._client("iam", "nobody", "nothing")
        accounts.create_user(UserName="atropos")
        self._key = accounts.create_access_key(UserName="atropos")["AccessKey"]
        accounts.put_user_policy(UserName="atropos", PolicyName="all", PolicyDocument=POLICY)
        place = {"LocationConstraint": REGION}
        self._client("s3", "nobody", "nothing").create_bucket(Bucket=NAME, CreateBucketConfiguration=place)
        self.s3 = self._client("s3", self._key["AccessKeyId"], self._key["SecretAccessKey"])
        return self

    @property
    def settings(self) -> dict[str, str]:
        """What leads a process of ours here."""
        return {
            "storage_url": f"s3://{NAME}/{PREFIX}",
            "storage_endpoint": self.url,
            "storage_region": REGION,
            "storage_access_key_id": self._key["AccessKeyId"],
            "storage_secret_access_key": self._key["SecretAccessKey"],
        }

    def objects(self) -> set[str]:
        """The names of all objects."""
        return {found["Key"] for found in self.s3.list_objects_v2(Bucket=NAME).get("Contents", [])}

    def unfinished(self) -> set[str]:
        """The names of the objects that multipart uploads have begun to make."""
        return {found["Key"] for found in self.s3.list_multipart_uploads(Bucket=NAME).get("Uploads", [])}

    def begin(self, name: str) -> None:
        """Begin a multipart upload, and send a part, as a process does that is killed then."""
        upload = self.s3.create_multipart_upload(Bucket=NAME, Key=name)["UploadId"]
        self.s3.upload_part(Bucket=NAME, Key=name, UploadId=upload, PartNumber=1, Body=b"part")

    def _serves(self) -> bool:
        try:
            return httpx.get(f"{self.url}/moto-api/data.json").is_success
        except httpx.TransportError:
            return False

    def _client(self, service: str, key: str, secret: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
        )
