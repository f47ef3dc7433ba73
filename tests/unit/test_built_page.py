"""Where `atropos up` finds the page."""

from pathlib import Path

from atropos_cli.up_checks import CHECKOUT, built_page
from tests.page.stand_in import write_page


def test_a_built_page_of_the_checkout_is_found(tmp_path: Path) -> None:
    """A build that failed half way, without a first page, is none."""
    out = tmp_path / "frontend" / "out"
    out.mkdir(parents=True)
    assert built_page(tmp_path) is None
    write_page(out)
    assert built_page(tmp_path) == out


def test_the_checkout_is_this_one() -> None:
    """The folder in which `make page` builds."""
    assert (CHECKOUT / "Makefile").is_file()
