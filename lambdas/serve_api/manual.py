"""The API's interactive manual: a page, its start and its style, all of our own origin; it knows no route.

The page is Swagger UI from the files that come with Powertools, so nothing is fetched from anybody else.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib import resources

_PACKAGE, _FILES = "aws_lambda_powertools", "event_handler/openapi/swagger_ui"

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

# Addresses are relative to the page, which lies beside the document, so that both can move together.
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Maskmill API</title>
<link rel="stylesheet" href="docs/swagger-ui.css?v={version}">
</head>
<body>
<div id="manual"></div>
<noscript>The manual needs JavaScript. The description itself is at <a href="openapi.json">openapi.json</a>.</noscript>
<script src="docs/swagger-ui.js?v={version}"></script>
<script src="docs/start.js?v={version}"></script>
</body>
</html>
"""

START = """SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#manual",
  deepLinking: true,
  filter: true,
  docExpansion: "list",
  validatorUrl: null,
});
"""


@cache
def page() -> str:
    """The page; its parts are named by what they hold, so that they may be kept for ever."""
    version = sha256((script() + style() + START).encode()).hexdigest()[:12]
    return _PAGE.format(version=version)


@cache
def script() -> str:
    return resources.files(_PACKAGE).joinpath(_FILES, "swagger-ui-bundle.min.js").read_text(encoding="utf-8")


@cache
def style() -> str:
    return resources.files(_PACKAGE).joinpath(_FILES, "swagger-ui.min.css").read_text(encoding="utf-8")
