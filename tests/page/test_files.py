"""The files that a task made, on its page: told, shown in small, downloaded."""

import hashlib
import json
import re
import struct
import zlib
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Request, expect

from tests.stack import Stack

#: As much of a text as the page reads.
HEAD = 64 * 1024


def _png(width: int, height: int) -> bytes:
    """A picture of that size, all red."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = (b"\x00" + b"\xff\x00\x00" * width) * height
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def _open(tab: Page, service: Stack, content: bytes, name: str) -> Locator:
    """The files on the page of a task that made one with this content and name."""
    source = {"file_id": service.http.post("/files?name=source", content=content).json()["file_id"]}
    task_id = service.submit("copy", parameters={"source": source, "name": name})
    service.wait_for(task_id, "completed")
    tab.goto(f"{service.api_url}/task/?id={task_id}")
    return tab.get_by_role("region", name="Files")


def test_files_appear_with_the_end_of_the_task(tab: Page, service: Stack) -> None:
    """Before there are none, and nothing is said of files."""
    source = {"file_id": service.http.post("/files?name=source", content=b"a").json()["file_id"]}
    task_id = service.submit("copy", parameters={"source": source, "name": "later.txt", "seconds": 60})
    tab.goto(f"{service.api_url}/task/?id={task_id}")
    expect(tab.get_by_text("made").first).to_be_visible()
    expect(tab.get_by_role("region", name="Files")).to_have_count(0)
    service.http.post(f"/tasks/{task_id}/cancel")
    service.wait_for(task_id, "cancelled")
    expect(tab.get_by_role("region", name="Files")).to_have_count(0)
    again = service.submit("copy", parameters={"source": source, "name": "later.txt", "seconds": 2})
    tab.goto(f"{service.api_url}/task/?id={again}")
    expect(tab.get_by_role("region", name="Files")).to_contain_text("later.txt")


def test_what_a_file_is_is_told(tab: Page, service: Stack) -> None:
    """Name, type, size, and the digest to be copied whole."""
    tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    files = _open(tab, service, b"a" * 1500, "letters.txt")
    digest = hashlib.sha256(b"a" * 1500).hexdigest()
    for said in ("letters.txt", "text/plain", "1.5 kB", digest[:12]):
        expect(files).to_contain_text(said)
    files.get_by_role("button", name="Copy SHA-256 of letters.txt").click()
    expect(files.get_by_text("Copied")).to_be_visible()
    assert tab.evaluate("navigator.clipboard.readText()") == digest


def test_a_file_is_downloaded(tab: Page, service: Stack, tmp_path: Path) -> None:
    """Under its name, byte for byte."""
    content = bytes(range(256)) * 100
    files = _open(tab, service, content, "all bytes.bin")
    expect(files.get_by_role("button", name="Preview")).to_have_count(0)
    with tab.expect_download() as download:
        files.get_by_role("link", name="Download all bytes.bin").click()
    assert download.value.suggested_filename == "all bytes.bin"
    download.value.save_as(tmp_path / "downloaded")
    assert (tmp_path / "downloaded").read_bytes() == content


def test_an_image_is_shown_in_small(tab: Page, service: Stack) -> None:
    """Its pixels, drawn; nothing is loaded from an address that the page's policy would have to let in."""
    files = _open(tab, service, _png(800, 400), "red.png")
    picture = files.get_by_role("img", name="Picture red.png")
    expect(picture).to_be_visible()
    expect(files).to_contain_text(re.compile("800 . 400 pixels"))
    drawn = picture.evaluate("it => [it.width, it.height, ...it.getContext('2d').getImageData(5, 5, 1, 1).data]")
    assert drawn == [400, 200, 255, 0, 0, 255]
    files.get_by_role("button", name="Preview red.png").click()
    expect(picture).to_be_hidden()


def test_what_is_no_image_is_not_drawn(tab: Page, service: Stack) -> None:
    """Although its name says so."""
    files = _open(tab, service, b"no picture", "broken.png")
    expect(files.get_by_role("alert")).to_contain_text("This image cannot be shown")


def test_a_document_is_shown_as_text(tab: Page, service: Stack) -> None:
    """An SVG may hold scripts, and so may HTML: both are shown as they are written, and nothing in them runs."""
    hostile = b"<svg xmlns='http://www.w3.org/2000/svg' onload='window.ran = 1'><script>window.ran = 1</script></svg>"
    files = _open(tab, service, hostile, "drawing.svg")
    files.get_by_role("button", name="Preview drawing.svg").click()
    expect(files.get_by_role("region", name="drawing.svg")).to_have_text(hostile.decode())
    assert tab.evaluate("window.ran") is None


def test_the_beginning_of_a_text_is_shown(tab: Page, service: Stack) -> None:
    """No more is asked for, and it ends with a whole character."""
    content = ("1,9.50€\n" * 20_000).encode()
    files = _open(tab, service, content, "orders.csv")
    with tab.expect_response("**/api/files/*") as answer:
        files.get_by_role("button", name="Preview orders.csv").click()
    assert (answer.value.status, int(answer.value.headers["content-length"])) == (206, HEAD)
    shown = files.get_by_role("region", name="orders.csv, the first 64 KiB of 200 kB").inner_text()
    assert shown == content[:HEAD].decode(errors="ignore").rstrip("\n")


def test_json_is_indented(tab: Page, service: Stack) -> None:
    """Where all of it was read."""
    content = {"orders": [{"amount": 9.5}]}
    files = _open(tab, service, json.dumps(content).encode(), "orders.json")
    files.get_by_role("button", name="Preview orders.json").click()
    expect(files.get_by_role("region", name="orders.json")).to_contain_text("9.5")
    assert files.get_by_role("region", name="orders.json").inner_text() == json.dumps(content, indent=2)


@pytest.mark.parametrize("name", ["gone.txt", "gone.png"])
def test_a_file_that_is_lost_is_told(tab: Page, service: Stack, name: str) -> None:
    """As the API says it, instead of a preview."""
    asked: list[Request] = []
    tab.on("request", lambda request: asked.append(request) if "/api/files/" in request.url else None)
    tab.route("**/api/files/*", lambda route: route.continue_(url=f"{route.request.url[:-4]}0000"))
    files = _open(tab, service, _png(2, 2), name)
    if name.endswith("txt"):
        files.get_by_role("button", name=f"Preview {name}").click()
    expect(files.get_by_role("alert")).to_contain_text("no such file", ignore_case=True)
    assert len(asked) == 1


def test_an_artifact_is_used_in_a_new_task(tab: Page, service: Stack) -> None:
    """With one click; only types that take a file are offered."""
    files = _open(tab, service, b"a", "letter.txt")
    made_by = tab.url.partition("id=")[2]
    files.get_by_role("link", name="Use in a new task: letter.txt").click()
    tab.wait_for_url("**/new/*")
    offered = tab.get_by_label("Type").get_by_role("option")
    expect(offered.filter(has_text="copy")).to_have_count(1)
    expect(offered.filter(has_text="default")).to_have_count(0)
    tab.get_by_label("Type").select_option("copy")
    expect(tab.get_by_label("Its file")).to_have_value("letter.txt")
    tab.get_by_role("button", name="Submit task").click()
    tab.wait_for_url("**/task/?id=*")
    task = service.wait_for(tab.url.partition("id=")[2], "completed")
    assert task["parameters"]["source"] == {"task_id": made_by, "artifact": "letter.txt"}
    assert task["result"]["sha256"] == hashlib.sha256(b"a").hexdigest()
