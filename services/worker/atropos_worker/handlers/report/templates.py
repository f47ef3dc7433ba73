"""Which template a report is made with. work.py calls it."""

from collections.abc import Iterator
from pathlib import Path

from atropos_core.report_parameters import ReportFormat
from atropos_core.settings import get_settings
from atropos_worker.outcome import Permanent

#: Those that come along.
SHIPPED = Path(__file__).with_name("templates")
#: The file of each format inside a template.
FILES: dict[ReportFormat, str] = {"pdf": "report.typ", "html": "report.html"}


def find(name: str, formats: list[ReportFormat]) -> Path:
    """The template's folder. Raises Permanent if there is none, or it cannot make one of the formats."""
    found = next((folder / name for folder in _folders() if (folder / name).is_dir()), None)
    if found is None:
        raise Permanent(f"there is no template {name!r}: this worker has {', '.join(_known())}")
    for each in formats:
        if not (found / FILES[each]).is_file():
            raise Permanent(f"the template {name!r} makes no {each}: it has no {FILES[each]}")
    return found


def _folders() -> Iterator[Path]:
    if (own := get_settings().report_templates) is not None:
        yield Path(own)
    yield SHIPPED


def _known() -> list[str]:
    return sorted({path.name for folder in _folders() if folder.is_dir() for path in folder.iterdir() if path.is_dir()})
