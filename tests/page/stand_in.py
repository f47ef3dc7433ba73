"""A static export in small, for tests of what serves the page: what Next.js writes, without Node."""

from pathlib import Path

FILES = {
    "index.html": "<!doctype html><title>Tasks</title>",
    "task/index.html": "<!doctype html><title>One task</title>",
    "404.html": "<!doctype html><title>Not found</title>",
    "_next/static/chunks/main-0123abcd.js": "// tasks" * 1000,
    "icon.svg": "<svg xmlns='http://www.w3.org/2000/svg'/>",
}


def write_page(folder: Path) -> Path:
    """Write the files below `folder` and return it."""
    for name, content in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return folder
