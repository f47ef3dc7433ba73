"""Makes the files of a report out of its template and its content. work.py calls it."""

import base64
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from atropos_core.settings import get_settings
from atropos_worker.handlers.child_process import started
from atropos_worker.handlers.report.content import Content
from atropos_worker.outcome import Permanent

#: Seconds between two looks at whether it may go on.
WATCH_SECONDS = 0.05
TYPESET = Path(__file__).with_name("typeset.py")
#: Typst fetches packages that a template names through the proxy it is told: there is none.
NO_NETWORK = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:0")
#: Of the worker's environment, what an interpreter needs to start; the rest is nobody's business.
PASSED = ("PATH", "LD_LIBRARY_PATH", "LANG", "HOME", "TMPDIR")
#: The root of the pages in a PDF says how many there are.
PAGES = re.compile(rb"/Type\s*/Pages\s*/Count\s+(\d+)")


class TypstFailed(Exception):
    """It may work on another attempt: Typst was killed."""


def pdf(folder: Path, template: str, check: Callable[[], None]) -> Path:
    """Set `report.typ` of the folder. Raises Permanent if the template is wrong, and what `check` raises."""
    memory = get_settings().report_memory_bytes
    command = [sys.executable, "-I", str(TYPESET), str(folder), str(memory)]
    passed = {name: os.environ[name] for name in PASSED if name in os.environ}
    # Its threads take memory for themselves, and nothing is won by many.
    threads = {"RAYON_NUM_THREADS": "2", "MALLOC_ARENA_MAX": "2"}
    with started(command, environment={**passed, **threads, **NO_NETWORK}) as process:
        while not _ended(process):
            check()
        said = (process.stderr.read() if process.stderr else b"").decode(errors="replace")
    if process.returncode == 1:
        raise Permanent(f"the template {template!r} cannot be set: {said.replace(str(folder), '')}")
    if "memory allocation" in said:
        raise Permanent(f"setting it takes more than {memory:,} bytes of memory (ATROPOS_REPORT_MEMORY_BYTES)")
    if process.returncode != 0:
        raise TypstFailed(f"Typst ended with {process.returncode}: {said[-500:]}")
    return folder / "report.pdf"


def _ended(process: "subprocess.Popen[bytes]") -> bool:
    """Whether it has, after a moment."""
    try:
        process.wait(WATCH_SECONDS)
    except subprocess.TimeoutExpired:
        return False
    return True


def pages(path: Path) -> int:
    """How many pages the PDF has."""
    return max((int(count) for count in PAGES.findall(path.read_bytes())), default=1)


def html(folder: Path, template: str, content: Content) -> Path:
    """Fill `report.html` of the folder, with its pictures inside. Raises Permanent if the template is wrong."""
    import jinja2
    import jinja2.sandbox

    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(
        loader=jinja2.FileSystemLoader(folder), autoescape=True, undefined=jinja2.StrictUndefined
    )
    pictures = {chart.file: _address(folder / chart.file) for chart in content.charts}
    try:
        # Pictures are shown from addresses: a script inside one would not run.
        text = environment.get_template("report.html").render(report=content, pictures=pictures)
    except jinja2.TemplateError as error:
        raise Permanent(f"the template {template!r} cannot be filled: {error}".replace(str(folder), "")) from None
    target = folder / "made.html"
    target.write_text(text)
    return target


def _address(picture: Path) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(picture.read_bytes()).decode()}"
