"""The store on a server of the S3 protocol: contents in and out, and unfinished uploads."""

import hashlib
from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest

from atropos_core.errors import FileLost, StorageUnavailable
from atropos_core.settings import Settings
from atropos_core.storage import PART_BYTES, READ_BYTES, Storage
from tests.s3.bucket import PREFIX, Bucket

#: Of several parts when it is sent, and of two when it is read.
CONTENT = bytes(range(251)) * (READ_BYTES // 251 + 1000)


@pytest.fixture
def storage(bucket: Bucket) -> Storage:
    return Storage(Settings(**bucket.settings))


def _name(file_id: UUID) -> str:
    return f"{PREFIX}/{file_id.hex[-2:]}/{file_id}"


def _pieces(content: bytes, length: int = 1_000_000) -> Iterator[bytes]:
    return (content[start : start + length] for start in range(0, len(content), length))


@pytest.mark.parametrize("size", [0, 1, PART_BYTES, len(CONTENT)])
def test_a_content_comes_back_as_it_was(bucket: Bucket, storage: Storage, size: int) -> None:
    """Nothing, a byte, exactly a part, and many parts; it is one object below the prefix."""
    file_id, content = uuid4(), CONTENT[:size]
    storage.put(file_id, _pieces(content))
    assert _name(file_id) in bucket.objects()
    found = b"".join(storage.read(file_id, 0, size))
    assert hashlib.sha256(content).digest() == hashlib.sha256(found).digest()


@pytest.mark.parametrize(("start", "end"), [(0, 1), (7, 7), (PART_BYTES - 1, PART_BYTES + 1), (READ_BYTES, None)])
def test_a_part_of_a_content(storage: Storage, start: int, end: int | None) -> None:
    """Across the parts in which it was sent, and up to its end."""
    file_id, end = uuid4(), end or len(CONTENT)
    storage.put(file_id, _pieces(CONTENT))
    assert b"".join(storage.read(file_id, start, end)) == CONTENT[start:end]


def test_a_content_that_breaks_off_is_not_there(bucket: Bucket, storage: Storage) -> None:
    """What its source raises is raised; neither object nor upload is left after it was discarded."""

    def broken() -> Iterator[bytes]:
        yield from _pieces(CONTENT)
        raise RuntimeError("as it was asked to")

    file_id = uuid4()
    with pytest.raises(RuntimeError, match="as it was asked to"):
        storage.put(file_id, broken())
    storage.discard([file_id])
    assert _name(file_id) not in bucket.objects() | bucket.unfinished()


def test_what_is_discarded_is_gone(bucket: Bucket, storage: Storage) -> None:
    """Those that were named, whether or not they are there, and no other."""
    kept, first, second = uuid4(), uuid4(), uuid4()
    for file_id in (kept, first, second):
        storage.put(file_id, [b"x"])
    storage.discard([first, second, uuid4()])
    assert {_name(file_id) for file_id in (kept, first, second)} & bucket.objects() == {_name(kept)}
    with pytest.raises(FileLost):
        list(storage.read(first, 0, 1))


def test_unfinished_uploads_are_ended(bucket: Bucket, storage: Storage) -> None:
    """All of the content that is discarded, and no other's."""
    doomed, other = uuid4(), uuid4()
    for file_id in (doomed, doomed, other):
        bucket.begin(_name(file_id))
    storage.discard([doomed])
    assert {_name(doomed), _name(other)} & bucket.unfinished() == {_name(other)}
    storage.discard([other])
    assert _name(other) not in bucket.unfinished()


@pytest.mark.parametrize(
    ("settings", "why"),
    [({"storage_secret_access_key": "wrong"}, "refuses"), ({"storage_url": "s3://elsewhere"}, "does not answer")],
    ids=["secret", "bucket"],
)
def test_a_store_that_refuses_is_unavailable(bucket: Bucket, settings: dict[str, str], why: str) -> None:
    """To write and to delete, with a wrong key as with a bucket that is not there; the former is told."""
    storage = Storage(Settings(**{**bucket.settings, **settings}))
    with pytest.raises(StorageUnavailable, match=why):
        storage.put(uuid4(), [b"x"])
    with pytest.raises(StorageUnavailable):
        storage.discard([uuid4()])
