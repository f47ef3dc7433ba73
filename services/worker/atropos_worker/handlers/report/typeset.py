"""Sets `report.typ` of a folder as `report.pdf`, and ends: a program of its own, so that it can be killed.

Run as a file by document.py, in an interpreter of its own. It reads nothing outside the folder, and fetches nothing in
the environment that document.py gives it.
"""

import resource
import sys
from pathlib import Path

import typst

#: Of what Typst says about a template that cannot be set.
MAXIMUM_TEXT = 2000


def main(folder: Path, memory_bytes: int) -> int:
    """The exit code: 1 if the template is wrong, and what is wrong with it on stderr."""
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    packages = folder / "packages"
    compiler = typst.Compiler(folder / "report.typ", root=folder, package_path=packages, package_cache_path=packages)
    try:
        compiler.compile(output=folder / "report.pdf", format="pdf")
    except typst.TypstError as error:
        hints = "".join(f"; {hint}" for hint in error.hints)
        sys.stderr.write(f"{error.message}{hints}"[:MAXIMUM_TEXT])
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
