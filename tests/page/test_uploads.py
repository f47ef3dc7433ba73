"""A file for a new task: uploaded in the form, fetched from an address, or made by another task."""

import base64
import hashlib
import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.page.conftest import MAXIMUM
from tests.stack import Stack, wait_until

CONTENT = b"order,amount\n" + b"1,9.50\n" * 1000
#: So large that it is seen under way at SLOW bytes a second.
LARGE, SLOW = 4_000_000, 200_000


def _field(tab: Page, service: Stack, task_type: str = "copy", query: str = "") -> Locator:
    """The field of the source, in the form of the type."""
    tab.goto(f"{service.api_url}/new/?type={task_type}{query}")
    return tab.get_by_role("group", name="Source")


def _write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def _submit(tab: Page) -> str:
    """The id of the new task."""
    tab.get_by_role("button", name="Submit task").click()
    tab.wait_for_url("**/task/?id=*")
    return tab.url.partition("id=")[2]


def _artifact(service: Stack, name: str = "orders.csv") -> tuple[str, str]:
    """A completed task that made a file, and the id of that."""
    answer = service.http.post("/files", params={"name": "orders.csv"}, content=CONTENT)
    source = {"file_id": answer.json()["file_id"]}
    task_id = service.submit("copy", parameters={"source": source, "name": name})
    return task_id, service.wait_for(task_id, "completed")["artifacts"][0]["file_id"]


def _begin_slowly(tab: Page, field: Locator, path: Path) -> None:
    """Choose a file whose upload takes many seconds."""
    expect(field).to_be_visible()
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": SLOW}
    tab.context.new_cdp_session(tab).send("Network.emulateNetworkConditions", slow)
    field.get_by_label("Choose a file").set_input_files(path)


def test_a_file_is_uploaded_and_read_by_a_task(tab: Page, service: Stack, tmp_path: Path) -> None:
    """It is sent with its digest when it is chosen; the calls beside the form and the task name its id."""
    field = _field(tab, service)
    with tab.expect_response("**/api/files?*") as answer:
        field.get_by_label("Choose a file").set_input_files(_write(tmp_path, "orders & more.csv", CONTENT))
    expect(field).to_contain_text("orders & more.csv 7.0 kB")
    expect(field).to_contain_text(f"{hashlib.sha256(CONTENT).hexdigest()[:12]}…, checked")
    digest = base64.b64encode(hashlib.sha256(CONTENT).digest()).decode()
    assert answer.value.request.headers["repr-digest"] == f"sha-256=:{digest}:"
    file = service.http.get(f"{answer.value.headers['location'].removeprefix('/api')}/info").json()
    assert (file["name"], file["media_type"]) == ("orders & more.csv", "text/csv")
    for call in ("The same with curl", "The same in Python"):
        expect(tab.get_by_role("region", name=call)).to_contain_text(f'"file_id": "{file["file_id"]}"')
    task = service.wait_for(_submit(tab), "completed")
    assert task["parameters"]["source"] == {"file_id": file["file_id"]}
    assert task["result"]["sha256"] == file["sha256"]


def test_a_file_is_dropped(tab: Page, service: Stack) -> None:
    """Instead of chosen."""
    field = _field(tab, service)
    expect(field.get_by_text("or drop it here")).to_be_visible()
    dropped = tab.evaluate_handle(
        "() => { const data = new DataTransfer(); data.items.add(new File(['dropped'], 'dropped.txt')); return data }"
    )
    field.get_by_text("or drop it here").dispatch_event("drop", {"dataTransfer": dropped})
    expect(field).to_contain_text("dropped.txt 7 bytes")


def test_an_upload_is_cancelled(tab: Page, service: Stack, tmp_path: Path) -> None:
    """Its progress is seen; once it is cancelled nothing of it is kept, and no task can be submitted without a file."""
    field = _field(tab, service)
    _begin_slowly(tab, field, _write(tmp_path, "cancelled.bin", bytes(LARGE)))
    bar = field.get_by_role("progressbar", name="Upload of cancelled.bin")
    expect(bar).to_have_attribute("aria-valuenow", re.compile(r"^[1-9]\d?$"))
    tab.get_by_role("button", name="Submit task").click()
    expect(field.get_by_role("alert")).to_have_text("Choose a file, and wait until it has arrived.")
    field.get_by_role("button", name="Cancel upload").click()
    expect(field.get_by_text("or drop it here")).to_be_visible()
    expect(field.get_by_label("Choose a file")).to_be_focused()
    wait_until(
        lambda: service.sql("SELECT state FROM files WHERE name = 'cancelled.bin' AND state IN ('doomed', 'deleted')"),
        what="the upload to be given up",
    )
    assert "/new/" in tab.url


def test_leaving_an_upload_ends_it(tab: Page, service: Stack, tmp_path: Path) -> None:
    """Another way to give the source, or another page, and it is not sent any further."""
    field = _field(tab, service)
    _begin_slowly(tab, field, _write(tmp_path, "left.bin", bytes(LARGE)))
    expect(field.get_by_role("progressbar")).to_be_visible()
    with tab.expect_event("requestfailed", lambda request: "/api/files?" in request.url):
        field.get_by_label("Address", exact=True).check()


def test_what_is_too_large_is_refused(tab: Page, service: Stack, tmp_path: Path) -> None:
    """As the API says it; a smaller one may follow."""
    field = _field(tab, service)
    choose = field.get_by_label("Choose a file")
    choose.set_input_files(_write(tmp_path, "large.bin", bytes(MAXIMUM + 1)))
    expect(field.get_by_role("alert").first).to_contain_text("Content Too Large")
    expect(field.get_by_role("button", name="Try again")).to_have_count(0)
    choose.set_input_files(_write(tmp_path, "small.bin", b"small"))
    expect(field).to_contain_text("small.bin 5 bytes")


def test_an_upload_that_broke_off_is_tried_again(tab: Page, service: Stack, tmp_path: Path) -> None:
    """The file need not be chosen anew."""
    tab.route("**/api/files?*", lambda route: route.abort(), times=1)
    field = _field(tab, service)
    field.get_by_label("Choose a file").set_input_files(_write(tmp_path, "broken.txt", b"whole"))
    expect(field.get_by_role("alert").first).to_contain_text("The upload broke off")
    field.get_by_role("button", name="Try again").click()
    expect(field).to_contain_text("broken.txt 5 bytes")


def test_an_address_is_given(tab: Page, service: Stack) -> None:
    """Only one of the web; what was uploaded before is still there when one changes one's mind."""
    field = _field(tab, service)
    field.get_by_label("Address", exact=True).check()
    address = field.get_by_role("textbox", name="Address")
    address.fill("ftp://example.org/a")
    expect(field.get_by_role("alert")).to_contain_text("http:// or https://")
    address.fill("https://example.org/a.mp4")
    expect(tab.get_by_role("region", name="The same with curl")).to_contain_text('"url": "https://example.org/a.mp4"')
    field.get_by_label("File of a task").check()
    field.get_by_label("Address", exact=True).check()
    expect(address).to_have_value("https://example.org/a.mp4")


def test_a_source_that_may_be_left_out_is_not_sent(tab: Page, service: Stack) -> None:
    """Before somebody chooses one there is none."""
    field = _field(tab, service, "video_processing")
    expect(field.get_by_label("None")).to_be_checked()
    call = tab.get_by_role("region", name="The same with curl")
    expect(call).not_to_contain_text('"source"')
    field.get_by_label("File of a task").check()
    tab.get_by_role("button", name="Submit task").click()
    expect(field.get_by_role("alert")).to_have_text("This must be the id of a task.")


def test_the_files_of_a_task_are_offered(tab: Page, service: Stack) -> None:
    """Once its id is typed; the new task reads the one that is chosen."""
    task_id, _ = _artifact(service)
    field = _field(tab, service)
    field.get_by_label("File of a task").check()
    field.get_by_label("Task", exact=True).fill(task_id)
    field.get_by_role("combobox", name="Its file").select_option("orders.csv")
    expect(tab.get_by_role("region", name="The same in Python")).to_contain_text('"artifact": "orders.csv"')
    task = service.wait_for(_submit(tab), "completed")
    assert task["parameters"]["source"] == {"task_id": task_id, "artifact": "orders.csv"}
    assert task["result"]["sha256"] == hashlib.sha256(CONTENT).hexdigest()


def test_a_task_without_files_is_told(tab: Page, service: Stack) -> None:
    """And one that is not there."""
    field = _field(tab, service)
    field.get_by_label("File of a task").check()
    field.get_by_label("Task", exact=True).fill(service.submit(delay_seconds=3600))
    expect(field).to_contain_text("The task is pending: it has no file yet.")
    field.get_by_label("Task", exact=True).fill("01a20d1d-69bb-7e3a-b413-5f68bc8e1517")
    expect(field.get_by_role("alert").first).to_contain_text("no such task", ignore_case=True)


@pytest.mark.parametrize("kind", ["upload", "artifact"])
def test_a_clone_begins_with_the_source(tab: Page, service: Stack, kind: str) -> None:
    """With the name of its file, wherever that is."""
    task_id, file_id = _artifact(service)
    source = {"file_id": file_id} if kind == "upload" else {"task_id": task_id, "artifact": "orders.csv"}
    clone = service.submit("copy", parameters={"source": source})
    tab.goto(f"{service.api_url}/new/?clone={clone}")
    field = tab.get_by_role("group", name="Source")
    if kind == "upload":
        expect(field).to_contain_text("orders.csv 7.0 kB")
    else:
        expect(field.get_by_label("Its file")).to_have_value("orders.csv")
