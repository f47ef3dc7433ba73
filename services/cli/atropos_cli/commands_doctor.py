"""`doctor`: what works, what does not, and what to do about it."""

import typer
from rich.table import Table

from atropos_cli import output
from atropos_cli.doctor import POD_ADVICE, Check, Findings, Verdict, examine, from_health, pods_that_wait
from atropos_cli.exit_codes import ExitCode
from atropos_cli.options import Api, AsJson
from atropos_client import DEFAULT_URL, ApiUnreachable, Client, ProblemError

API_ADVICE = "Start it with `atropos up`, or give its address with --api or ATROPOS_API_URL."
API_SICK_ADVICE = "Look at the parts below, then into the log of the API."
DIRECT_ADVICE = (
    "To look at database and broker without the API, install atropos-core and set ATROPOS_DATABASE_URL and"
    " ATROPOS_REDIS_URL."
)
MARKS = {
    Verdict.OK: ("ok", "green"),
    Verdict.WARNING: ("warning", "yellow"),
    Verdict.PROBLEM: ("problem", "bold red"),
    Verdict.UNKNOWN: ("unknown", "dim"),
}


def doctor(as_json: AsJson = False, api: Api = DEFAULT_URL) -> None:
    """Check API, database, schema, broker, dispatcher and workers, and say what to do.

    When the API is away, database and broker are looked at directly, if ATROPOS_DATABASE_URL and ATROPOS_REDIS_URL
    are set and atropos-core is installed. The exit code is 1 for a problem, and 4 when the API is away.
    """
    checks, reachable = _examine_all(api)
    healthy = all(check.verdict in {Verdict.OK, Verdict.WARNING} for check in checks)
    if as_json:
        documents = [
            {"name": check.name, "status": check.verdict, "found": check.found, "advice": check.advice or None}
            for check in checks
        ]
        output.print_json({"healthy": healthy, "checks": documents})
    else:
        output.console().print(_table(checks))
    if not reachable:
        raise typer.Exit(ExitCode.UNREACHABLE)
    if not healthy:
        raise typer.Exit(ExitCode.NO)


def _examine_all(api: str) -> tuple[list[Check], bool]:
    """The checks, and whether the API could be reached."""
    try:
        with Client(api, patience=0) as client:
            health = client.health()
            waiting = _pods_that_wait(client)
    except ApiUnreachable as error:
        return [Check("api", Verdict.PROBLEM, str(error), API_ADVICE), *examine(_look_directly())], False
    except ProblemError as error:
        return [Check("api", Verdict.PROBLEM, str(error), API_SICK_ADVICE), *examine(_look_directly())], True
    taking = health["status"] != "unavailable"
    found = f"{api} takes tasks" if taking else f"{api} answers, but cannot take tasks"
    verdict, advice = (Verdict.OK, "") if taking else (Verdict.PROBLEM, "Mend what is wrong below.")
    return [Check("api", verdict, found, advice), *examine(from_health(health)), *waiting], True


def _pods_that_wait(client: Client) -> list[Check]:
    """A warning if there are some. An API that is sick may not know."""
    try:
        found = pods_that_wait(client.workers())
    except (ApiUnreachable, ProblemError):
        return []
    return [Check("pods", Verdict.WARNING, "; ".join(found), POD_ADVICE)] if found else []


def _look_directly() -> Findings:
    try:
        from atropos_cli.doctor_direct import look
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("atropos_cli"):
            raise
        output.advise(f"{DIRECT_ADVICE} ({error.name} is not installed.)")
        return Findings()
    try:
        findings = look()
    except ValueError as error:
        output.complain(f"the settings in the environment are not valid: {error}")
        return Findings()
    if findings.database is None or findings.broker is None:
        output.advise(DIRECT_ADVICE)
    return findings


def _table(checks: list[Check]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for check in checks:
        word, style = MARKS[check.verdict]
        table.add_row(check.name, output.plain(word, style), output.plain(check.found))
        if check.advice:
            table.add_row("", "", output.plain(f"→ {check.advice}"))
    return table
