"""Writes the API's OpenAPI document, from which the page's types are generated; `npm run openapi` calls it."""

import json
import sys
from pathlib import Path

from atropos_api.main import create_app

if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(create_app().openapi(), indent=1, sort_keys=True) + "\n")
