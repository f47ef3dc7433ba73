"""The form of a new task: made from the type's schema, checked, sent."""

from playwright.sync_api import Page, expect

from tests.stack import Stack

UNKNOWN = "01a20d1d-69bb-7e3a-b413-5f68bc8e1517"


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


def test_a_task_is_submitted_to_run_after_others(tab: Page, service: Stack) -> None:
    """What is no id is refused beside its field, as is a task that is not there; the calls beside the form have it."""
    first, second = service.submit(delay_seconds=3600), service.submit()
    tab.goto(f"{service.api_url}/new/?type=default")
    after, submit = tab.get_by_label("Run after"), tab.get_by_role("button", name="Submit task")
    after.fill("abc")
    submit.click()
    expect(tab.get_by_role("alert").filter(has_text="abc: this must be the id of a task.")).to_be_visible()
    after.fill(UNKNOWN)
    submit.click()
    expect(after).to_have_attribute("aria-invalid", "true")
    expect(after).to_be_focused()
    expect(tab.get_by_role("alert").filter(has_text=f"there is no task {UNKNOWN}").first).to_be_visible()
    after.fill(f"{first}\n{second}")
    tab.get_by_label("If one of them fails").select_option("fail")
    expect(tab.get_by_role("region", name="The same with curl")).to_contain_text('"on_dependency_failure": "fail"')
    expect(tab.get_by_role("region", name="The same in Python")).to_contain_text(f'depends_on=["{first}", "{second}"]')
    submit.click()
    tab.wait_for_url("**/task/?id=*")
    task = service.task(tab.url.partition("id=")[2])
    assert (task["depends_on"], task["on_dependency_failure"]) == (sorted([first, second]), "fail")
    service.http.post(f"/tasks/{first}/cancel").raise_for_status()
