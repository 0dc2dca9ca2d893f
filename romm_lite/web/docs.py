"""The description of the API for people: /api/docs and /api/redoc, without any outside host.

Both are Swagger UI as the package ``swagger_ui_bundle`` ships it. /api/docs can send requests;
/api/redoc shows the same pages read-only, without "Try it out".
"""

import json
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from starlette.responses import Response

from romm_lite.kernel.errors import NotFound
from romm_lite.web.openapi import Description
from romm_lite.web.operations import Operation, Router
from romm_lite.web.render import json_response, to_json
from romm_lite.web.static import FOR_AN_HOUR, type_of_name

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_SHIPPED = ("swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png")
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="{static}/swagger-ui.css">
<link rel="icon" type="image/png" href="{static}/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="{static}/swagger-ui-bundle.js"></script>
<script src="{static}/{script}"></script>
</body>
</html>
"""
_SCRIPT = """"use strict";
SwaggerUIBundle({options});
"""


def describe_docs(description: Description, title: str, prefix: str = "") -> list[Operation]:
    """The operations that serve ``description``; ``prefix`` is the path all of it lies under."""
    static = f"{prefix}/api/docs/static"
    router = Router("")

    def show(script: str) -> Response:
        page = _PAGE.format(title=escape(title), static=escape(static), script=script)
        headers = {"content-security-policy": _POLICY}
        return Response(page, headers=headers, media_type="text/html")

    @router.get("/openapi.json", public=True, hidden=True)
    def get_openapi() -> Response:
        return json_response(description.rendered)

    @router.get("/api/docs", public=True, hidden=True)
    def get_docs() -> Response:
        return show("docs.js")

    @router.get("/api/redoc", public=True, hidden=True)
    def get_redoc() -> Response:
        return show("redoc.js")

    @router.get("/api/docs/static/{name}", public=True, hidden=True)
    def get_docs_file(name: str) -> Response:
        if name == "openapi.json":
            return json_response(to_json(lower_version(description.document)))
        if name in ("docs.js", "redoc.js"):
            content = _script(f"{static}/openapi.json", read_only=name == "redoc.js")
        elif name in _SHIPPED:
            content = (_vendor() / name).read_bytes()
        else:
            raise NotFound
        headers = {"cache-control": FOR_AN_HOUR, "content-type": type_of_name(name)}
        return Response(content, headers=headers)

    return router.operations


def _script(url: str, *, read_only: bool) -> bytes:
    options: dict[str, Any] = {"url": url, "dom_id": "#swagger-ui", "deepLinking": True}
    if read_only:
        options["supportedSubmitMethods"] = []
    return _SCRIPT.replace("{options}", json.dumps(options)).encode()


@cache
def _vendor() -> Path:
    """The folder of Swagger UI's own files."""
    import swagger_ui_bundle

    return Path(str(swagger_ui_bundle.swagger_ui_path))


def lower_version(node: Any) -> Any:
    """An OpenAPI 3.1 document as 3.0, which is the newest that this Swagger UI can show."""
    if isinstance(node, list):
        return [lower_version(part) for part in node]
    if not isinstance(node, dict):
        return node
    lowered = {key: lower_version(part) for key, part in node.items()}
    if lowered.get("openapi") == "3.1.0":
        lowered["openapi"] = "3.0.3"
    if isinstance(lowered.get("const"), str | int):  # else a property of that name
        lowered["enum"] = [lowered.pop("const")]
    if isinstance(lowered.get("contentMediaType"), str):
        del lowered["contentMediaType"]
        lowered["format"] = "binary"
    return _mark_nullable(lowered)


def _mark_nullable(schema: dict[str, Any]) -> dict[str, Any]:
    """``anyOf`` with null in it, said as 3.0 says it."""
    choices = schema.get("anyOf")
    if not isinstance(choices, list) or {"type": "null"} not in choices:
        return schema
    rest = [choice for choice in choices if choice != {"type": "null"}]
    kept = {key: value for key, value in schema.items() if key != "anyOf"}
    if len(rest) == 1:
        only = {"allOf": rest} if "$ref" in rest[0] else rest[0]
        return {**only, **kept, "nullable": True}
    return {**kept, "anyOf": rest, "nullable": True}
