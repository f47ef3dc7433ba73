"""The one gate for JSON that people send and handlers return: what PostgreSQL's jsonb cannot hold is refused here."""

import json
from typing import Any

from atropos_core.errors import ValueNotStorable

#: Levels of nesting; pydantic, which writes the answers of the API, stops at 255.
MAXIMUM_DEPTH = 200


def encode(value: Any, *, limit: int, name: str) -> str:
    """JSON text of `value`, at most `limit` bytes of it.

    Raises ValueNotStorable for what is too large, has no JSON form (NaN, cycles, objects), is nested too
    deeply, or holds NUL characters and lone surrogates, which jsonb refuses.
    """
    try:
        text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueNotStorable(f"{name} has no JSON form: {error}") from error
    # Braces in strings count here too, which only makes the exact look more frequent.
    if text.count("[") + text.count("{") > MAXIMUM_DEPTH and _is_deeper(value):
        raise ValueNotStorable(f"{name} is nested more than {MAXIMUM_DEPTH} levels deep")
    if len(text) > limit:
        raise ValueNotStorable(f"{name} takes {len(text):,} bytes of JSON; the limit is {limit:,}")
    if "\\u0000" in text or "\\ud" in text:
        _refuse_characters(value, name=name)
    return text


def _is_deeper(value: Any) -> bool:
    level = [value]
    for _ in range(MAXIMUM_DEPTH):
        containers = [item for item in level if isinstance(item, dict | list | tuple)]
        level = [child for item in containers for child in (item.values() if isinstance(item, dict) else item)]
    return any(isinstance(item, dict | list | tuple) for item in level)


def _refuse_characters(value: Any, *, name: str) -> None:
    """Raise for NUL characters and lone surrogates; an escaped backslash or a paired surrogate is fine."""
    try:
        plain = json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise ValueNotStorable(f"{name} holds a lone surrogate, which is not text") from error
    if b"\\u0000" in plain.replace(b"\\\\", b""):
        raise ValueNotStorable(f"{name} holds a NUL character (\\u0000), which PostgreSQL cannot store")
