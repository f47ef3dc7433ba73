"""What people do with a table in the form of a new task: group it, make a report of that, and do it again."""

import re
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.page.test_new_task import UNKNOWN
from tests.stack import Stack

TABLE = b"day,shop,amount\n2026-11-01,north,12.5\n2026-11-01,south,8\n2026-11-02,north,20.25\n2026-11-03,west,7.75\n"
#: Of handlers that start DuckDB and Typst, in milliseconds.
PATIENCE = 60_000


def _open(tab: Page, service: Stack, task_type: str) -> Locator:
    """The form of the type: the field of its source."""
    tab.goto(f"{service.api_url}/new/?type={task_type}")
    return tab.get_by_role("group", name="Source")


def _submit(tab: Page) -> str:
    """The id of the new task."""
    tab.get_by_role("button", name="Submit task").click()
    tab.wait_for_url("**/task/?id=*")
    return tab.url.partition("id=")[2]


def _upload(service: Stack) -> dict[str, str]:
    answer = service.http.post("/files", params={"name": "sales.csv"}, content=TABLE)
    return {"file_id": answer.json()["file_id"]}


def _call(tab: Page) -> Locator:
    return tab.get_by_role("region", name="The same with curl")


def test_a_table_is_grouped_and_a_report_is_made_of_it(tab: Page, service: Stack, tmp_path: Path) -> None:
    """From a CSV to a Parquet, and from the page of that task to a PDF with a chart."""
    (tmp_path / "sales.csv").write_bytes(TABLE)
    source = _open(tab, service, "data_processing")
    source.get_by_label("Upload").check()
    source.get_by_label("Choose a file").set_input_files(tmp_path / "sales.csv")
    expect(source).to_contain_text("sales.csv")
    tab.get_by_label("Group by").fill("shop\n")
    tab.get_by_label("Aggregates").fill("total = sum(amount)\nlarge = count(*) FILTER (amount >= 10)")
    tab.get_by_label("Order by").fill("-total")
    expect(_call(tab)).to_contain_text("file_id")
    grouped = _submit(tab)
    files = tab.get_by_role("region", name="Files")
    expect(files).to_contain_text("data.parquet", timeout=PATIENCE)
    sent = service.task(grouped)["parameters"]
    assert {name: value for name, value in sent.items() if name != "source"} == {
        "group_by": ["shop"],
        "aggregates": {"total": "sum(amount)", "large": "count(*) FILTER (amount >= 10)"},
        "order_by": ["-total"],
    }

    files.get_by_role("link", name="Use in a new task: data.parquet").click()
    tab.wait_for_url("**/new/*")
    tab.get_by_label("Type").select_option("report_generation")
    tab.get_by_role("button", name="Add chart").click()
    chart = tab.get_by_role("group", name="Chart 1")
    chart.get_by_label("X *").fill("shop")
    chart.get_by_label("Y", exact=True).fill("total")
    tab.get_by_label("Totals").fill("total")
    tab.get_by_label("html").check()
    reported = _submit(tab)
    for name in ("report.pdf", "report.html"):
        expect(files).to_contain_text(name, timeout=PATIENCE)
    assert service.task(reported)["parameters"] == {
        "source": {"task_id": grouped, "artifact": "data.parquet"},
        "charts": [{"x": "shop", "y": "total"}],
        "totals": ["total"],
        "formats": ["pdf", "html"],
    }


def test_nothing_is_pretended_once_there_is_a_source(tab: Page, service: Stack) -> None:
    """What only the simulation uses is neither shown nor sent; without a source it is back."""
    source = _open(tab, service, "data_processing")
    expect(tab.get_by_label("Processing time")).to_have_value("5")
    expect(_call(tab)).to_contain_text('"rows": 5000')
    source.get_by_label("Upload").check()
    for hidden in ("Processing time", "Rows", "More parameters", "Sources"):
        expect(tab.get_by_label(hidden)).to_have_count(0)
    expect(_call(tab)).not_to_contain_text("processing_time")
    expect(_call(tab)).not_to_contain_text("rows")
    source.get_by_label("None").check()
    expect(tab.get_by_label("Rows")).to_have_value("5000")


def test_a_line_that_is_wrong_is_told_at_its_field(tab: Page, service: Stack) -> None:
    """By its number; and what the API refuses is at the parameter that it names."""
    source = _open(tab, service, "data_processing")
    source.get_by_label("Address", exact=True).check()
    source.get_by_role("textbox", name="Address").fill("https://example.org/sales.csv")
    aggregates, group_by = tab.get_by_label("Aggregates"), tab.get_by_label("Group by")
    aggregates.fill("total = sum(amount)\norders")
    expect(tab.get_by_role("alert").filter(has_text="Line 2: This must be name = value.")).to_be_visible()
    expect(aggregates).to_have_attribute("aria-invalid", "true")
    aggregates.fill("")
    group_by.fill("shop")
    tab.get_by_role("button", name="Submit task").click()
    expect(tab.get_by_role("alert").filter(has_text=re.compile("^group_by needs aggregates$"))).to_be_visible()
    expect(group_by).to_be_focused()
    aggregates.fill("total = sum(amount)")
    expect(group_by).to_have_attribute("aria-invalid", "false")
    assert "/new/" in tab.url


def test_a_clone_has_all_that_was_given(tab: Page, service: Stack) -> None:
    """Names that fit no line as well: what is sent again is the same."""
    given = {
        "source": _upload(service),
        "group_by": ["shop\nname", "day"],
        "aggregates": {"a=b": "sum(amount)", "total": "sum(\n amount)"},
        "order_by": ["day", "-total"],
        "sql": None,
        "output": {"format": "csv"},
    }
    original = service.submit("data_processing", parameters=given, delay_seconds=3600)
    tab.goto(f"{service.api_url}/new/?clone={original}")
    expect(tab.get_by_label("Order by")).to_have_value("day\n-total")
    expect(tab.get_by_role("group", name="Output").get_by_label("Format")).to_have_value('"csv"')
    tab.get_by_label("Delay, seconds").fill("3600")
    parameters = service.task(_submit(tab))["parameters"]
    assert parameters == {name: value for name, value in given.items() if value is not None}


def test_a_task_runs_after_the_one_whose_file_it_reads(tab: Page, service: Stack) -> None:
    """While that has not ended; a task that started before would find no file."""
    first = service.submit("copy", parameters={"source": _upload(service), "name": "sales.csv"}, delay_seconds=3600)
    source = _open(tab, service, "report_generation")
    source.get_by_label("File of a task").check()
    source.get_by_label("Task", exact=True).fill(first)
    expect(source).to_contain_text("The new task will run after it.")
    source.get_by_label("Its file").fill("sales.csv")
    expect(tab.get_by_label("Run after")).to_have_accessible_description(re.compile(first))
    source.get_by_label("Task", exact=True).fill(UNKNOWN)
    expect(_call(tab)).not_to_contain_text("depends_on")
    source.get_by_label("Task", exact=True).fill(first)
    source.get_by_label("Its file").fill("sales.csv")
    expect(_call(tab)).to_contain_text("depends_on")
    assert service.task(_submit(tab))["depends_on"] == [first]
    service.http.post(f"/tasks/{first}/cancel").raise_for_status()
