"""The exit codes of `atropos`, and the context in which every command talks to the API."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

import typer

from atropos_cli import output
from atropos_client import ApiUnreachable, ChecksumMismatch, Client, ProblemError


class ExitCode(IntEnum):
    """What a script can tell from the exit code; docs/cli.md lists them."""

    OK = 0
    #: The task ended failed or cancelled; doctor found a problem; a question was answered with no; a file was damaged
    #: on its way.
    NO = 1
    #: The command line is wrong (typer's own code).
    USAGE = 2
    #: The API refused the request.
    REFUSED = 3
    #: The API could not be reached.
    UNREACHABLE = 4
    #: The task had not ended in the time given to wait.
    TIMED_OUT = 5
    #: Ctrl-C (128 + SIGINT).
    INTERRUPTED = 130


HELP = """[bold]Exit codes[/bold]
  0    done
  1    the task ended failed or cancelled; doctor found a problem; you said no;
       a file was damaged on its way
  2    the command line is wrong
  3    the API refused the request
  4    the API could not be reached
  5    the task had not ended when the time to wait was over
  130  Ctrl-C"""


@contextmanager
def connected(api_url: str) -> Iterator[Client]:
    """A client; what goes wrong with it ends the command with a message and its exit code."""
    try:
        with Client(api_url, patience=0) as client:
            yield client
    except ProblemError as error:
        output.show_problem(error)
        raise typer.Exit(ExitCode.REFUSED) from error
    except ChecksumMismatch as error:
        output.complain(str(error))
        raise typer.Exit(ExitCode.NO) from error
    except ApiUnreachable as error:
        output.complain(str(error))
        output.advise("Is it running? `atropos up` starts it here; `atropos doctor` looks for what is wrong.")
        raise typer.Exit(ExitCode.UNREACHABLE) from error
