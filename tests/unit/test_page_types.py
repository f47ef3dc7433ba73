"""The page's copy of the OpenAPI document, which its types are made from."""

import json
from pathlib import Path

from atropos_api.main import create_app
from atropos_core.settings import Settings

COPY = Path(__file__).parents[2] / "frontend" / "openapi.json"


def test_the_copy_is_current() -> None:
    """`npm run openapi && npm run types` in frontend/ makes it so."""
    app = create_app(Settings())
    assert json.loads(COPY.read_text()) == app.openapi()
    app.state.database.close()
    app.state.redis.close()
