"""The form of a new task: made from the type's schema, checked, sent."""

from playwright.sync_api import Page, expect

from tests.stack import Stack


def test_a_task_is_submitted(tab: Page, service: Stack) -> None:
    """From the table to the form, and on to the new task, which runs before one's eyes."""
    tab.goto(service.api_url)
    tab.get_by_role("navigation", name="Pages").get_by_role("link", name="New task").click()
    tab.wait_for_url("**/new/*")
    tab.get_by_label("Type").select_option("data_processing")
    tab.get_by_label("Rows").fill("3000")
    tab.get_by_label("Processing time").fill("1")
    tab.get_by_role("button", name="Submit task").click()
    tab.wait_for_url("**/task/?id=*")
    expect(tab.get_by_role("main").get_by_role("heading", level=1)).to_have_text("data_processing")
    task_id = tab.url.partition("id=")[2]
    expect(tab.get_by_role("main").get_by_text("completed", exact=True).first).to_be_visible()
    assert service.task(task_id)["parameters"]["rows"] == 3000


def test_what_the_api_refuses_is_beside_its_field(tab: Page, service: Stack) -> None:
    """A value out of bounds is told where it is typed, and nothing is submitted."""
    tab.goto(f"{service.api_url}/new/?type=data_processing")
    rows = tab.get_by_label("Rows")
    rows.fill("-1")
    tab.get_by_role("button", name="Submit task").click()
    expect(rows).to_have_attribute("aria-invalid", "true")
    expect(tab.get_by_role("alert").first).not_to_be_empty()
    assert "/new/" in tab.url


def test_the_same_call_is_shown(tab: Page, service: Stack) -> None:
    """As a line of curl against this origin, and in Python, with what is in the form."""
    tab.goto(f"{service.api_url}/new/?type=data_processing")
    tab.get_by_label("Rows").fill("4321")
    call = tab.get_by_role("region", name="The same with curl")
    expect(call).to_contain_text(f"{service.api_url}")
    expect(call).to_contain_text("4321")
    expect(tab.get_by_role("region", name="The same in Python")).to_contain_text("4321")


def test_a_task_is_cloned(tab: Page, service: Stack) -> None:
    """The form begins with what the task was submitted with."""
    task_id = service.submit("data_processing", parameters={"rows": 77, "processing_time": 0}, labels={"team": "blue"})
    tab.goto(f"{service.api_url}/task/?id={task_id}")
    tab.get_by_role("link", name="Clone with changes").click()
    expect(tab.get_by_label("Rows")).to_have_value("77")
    expect(tab.get_by_label("Labels")).to_have_value("team=blue")
