"""Templates of people's own, with real Typst and Jinja: what they may, and what ends one that takes too much."""

import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from atropos_sdk import Stopped
from atropos_worker.handlers.report import document
from tests.unit.refusal import refused
from tests.unit.report_rehearsal import html, report


@pytest.fixture
def templates(tmp_path: Path, setting: Callable[[str, object], None]) -> Path:
    """A folder with templates of people's own."""
    folder = tmp_path / "templates"
    (folder / "own").mkdir(parents=True)
    setting("report_templates", folder)
    return folder


def test_people_add_templates(templates: Path, tmp_path: Path) -> None:
    """With files of their own; those that come along stay."""
    (templates / "own" / "text.txt").write_text("ours")
    (templates / "own" / "report.typ").write_text('#read("text.txt") #json("report.json").title')
    (templates / "own" / "report.html").write_text("<p>{{ report.title }}</p>")
    ran = report(tmp_path, template="own", title="a<b", formats=["pdf", "html"])
    assert html(ran) == "<p>a&lt;b</p>"
    assert ran.result["pages"] == 1
    assert "this worker has default, own" in _missing(tmp_path / "other")


def _missing(folder: Path) -> str:
    folder.mkdir()
    return refused(report(folder, template="missing"))


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("report.typ", '#read("/etc/passwd")', "file not found"),
        ("report.typ", '#read("../../sales.csv")', "would escape the project root"),
        ("report.typ", "#nothing", "unknown variable: nothing"),
        ("report.html", "{{ nothing }}", "'nothing' is undefined"),
        ("report.html", "{% if %}", "cannot be filled"),
        ("report.html", "{{ ''.__class__.__mro__ }}", "unsafe"),
        ("other", "", "it has no report.typ"),
    ],
)
def test_a_wrong_template_is_told(name: str, text: str, why: str, templates: Path, tmp_path: Path) -> None:
    """And gets at nothing beside its own folder."""
    (templates / "own" / name).write_text(text)
    assert why in refused(report(tmp_path, template="own", formats=["html" if name.endswith("html") else "pdf"]))


def test_a_template_fetches_nothing(templates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package is asked of the proxy that there is not: one that is there would be asked."""
    (templates / "own" / "report.typ").write_text('#import "@preview/cetz:0.4.2"')
    assert "failed to download package" in refused(report(tmp_path, template="own"))
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        thread = threading.Thread(target=lambda: asked.append(_first_line(proxy)))
        thread.start()
        address = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        monkeypatch.setattr(document, "NO_NETWORK", dict.fromkeys(document.NO_NETWORK, address))
        (tmp_path / "again").mkdir()
        refused(report(tmp_path / "again", template="own"))
        thread.join(10)
    assert asked[0].startswith(b"CONNECT ")


def _first_line(server: socket.socket) -> bytes:
    connection, _ = server.accept()
    with connection:
        return connection.recv(100)


def test_memory_is_limited(templates: Path, tmp_path: Path, setting: Callable[[str, object], None]) -> None:
    """The message names the setting."""
    setting("report_memory_bytes", 128 * 1024**2)
    (templates / "own" / "report.typ").write_text("#range(20000000).map(number => str(number) * 100).len()")
    assert "ATROPOS_REPORT_MEMORY_BYTES" in refused(report(tmp_path, template="own"))


def test_it_stops_when_told(templates: Path, tmp_path: Path) -> None:
    """Typst is killed in the middle, and nothing is kept."""
    (templates / "own" / "report.typ").write_text(
        "#for each in range(10000) { for other in range(10000) { let sum = each + other } }"
    )
    ran = report(tmp_path, template="own", options={"stop_after": 1.0})
    assert isinstance(ran.error, Stopped)
    assert not ran.artifacts
