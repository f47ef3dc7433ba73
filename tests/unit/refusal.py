"""How a rehearsed handler refused its work for good; called by the unit tests of tables and reports."""

from atropos_sdk import Permanent
from atropos_sdk.testing import Ran


def refused(ran: Ran, *hidden: object) -> str:
    """Why it failed for good; nothing is kept, and no path of this machine is told."""
    assert isinstance(ran.error, Permanent), ran.error
    assert not ran.artifacts
    assert not [path for path in (ran.context.folder, *hidden) if str(path) in str(ran.error)]
    return str(ran.error)
