"""The page is the same wherever it is served: headers of the API's own page against those of nginx."""

import re
from pathlib import Path

from atropos_api.page import HEADERS, IMMUTABLE, IMMUTABLE_FOLDER, REVALIDATED

TEMPLATE = (Path(__file__).parents[2] / "frontend/nginx/default.conf.template").read_text()
SERVER, _, API = TEMPLATE.partition("location /api/")


def test_nginx_sends_the_same_headers() -> None:
    """Those that keep others out, on all answers."""
    assert dict(re.findall(r'add_header (\S+) "([^"]+)" always;', SERVER)) == HEADERS


def test_nginx_caches_the_same() -> None:
    """What has a hash in its name for good, everything else not unasked."""
    assert f'default "{REVALIDATED}";' in TEMPLATE
    assert f'~^/{IMMUTABLE_FOLDER} "{IMMUTABLE}";' in TEMPLATE


def test_nginx_leaves_the_headers_of_the_api_alone() -> None:
    """A location with a header of its own inherits none: the policy of the page would break `/api/docs`."""
    assert "add_header" in API.partition("\n    }")[0]
    assert "Content-Security-Policy" not in API
