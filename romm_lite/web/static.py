"""A folder of files over HTTP: covers, manuals, the web interface."""

import re
from collections.abc import Callable
from enum import Enum, auto
from functools import partial
from pathlib import Path
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from romm_lite.kernel.errors import NotFound, UnsafePath
from romm_lite.kernel.paths import safe_join
from romm_lite.web.downloads import Download, FileSource
from romm_lite.web.routing import MethodNotAllowed, refuse_socket, route_path

FOREVER = "public, max-age=31536000, immutable"
FOR_AN_HOUR = "public, max-age=3600, must-revalidate"
ASK = "private, no-cache"
"""Nobody in between keeps it, and a browser shows what it kept only after asking whether it may."""
SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
DEFAULT_TYPE = "application/octet-stream"
TYPES = {
    "avif": "image/avif",
    "bmp": "image/bmp",
    "css": "text/css; charset=utf-8",
    "flac": "audio/flac",
    "gif": "image/gif",
    "htm": "text/html; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "ico": "image/x-icon",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "m4a": "audio/mp4",
    "m4v": "video/mp4",
    "md": "text/markdown; charset=utf-8",
    "mjs": "text/javascript; charset=utf-8",
    "mov": "video/quicktime",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "oga": "audio/ogg",
    "ogg": "audio/ogg",
    "ogv": "video/ogg",
    "opus": "audio/ogg",
    "pdf": "application/pdf",
    "png": "image/png",
    "svg": "image/svg+xml",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "ttf": "font/ttf",
    "txt": "text/plain; charset=utf-8",
    "wasm": "application/wasm",
    "wav": "audio/wav",
    "webm": "video/webm",
    "webmanifest": "application/manifest+json",
    "webp": "image/webp",
    "woff": "font/woff",
    "woff2": "font/woff2",
    "xml": "application/xml",
    "zip": "application/zip",
}
_SCRIPTED = re.compile(r"text/html|image/svg|application/xml")
_COMPRESSIBLE = re.compile(r"text/|image/svg|application/(json|xml|wasm|manifest)")
_HEAD = 32
_MAGIC = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"GIF8[79]a"), "image/gif"),
    (re.compile(rb"RIFF....WEBP", re.S), "image/webp"),
    (re.compile(rb"....ftypavi[fs]", re.S), "image/avif"),
    (re.compile(rb"BM....\x00{4}", re.S), "image/bmp"),
    (re.compile(rb"\x00\x00\x01\x00"), "image/x-icon"),
)


def type_of_name(name: str) -> str:
    """The media type an extension stands for; the same on every machine."""
    return TYPES.get(name.rpartition(".")[2].lower(), DEFAULT_TYPE)


def type_of_image(head: bytes) -> str | None:
    """The media type of an image by its first 32 bytes, whatever it is called."""
    return next((kind for magic, kind in _MAGIC if magic.match(head)), None)


class Audience(Enum):
    """For whom a file is: of a request, whether it may have it and whether others may not."""

    EVERYBODY = auto()
    SOME = auto()
    NOBODY = auto()


class Folder:
    """The ASGI application of a folder, to be mounted: GET and HEAD of the files below it.

    ``audience`` says, in a worker thread, for whom a file (a relative path with slashes) is that
    this request wants; for nobody is 404 like what is not there. ``scripts`` is for files of our
    own: without it HTML and SVG can never run a script.
    """

    def __init__(
        self,
        root: Path,
        *,
        audience: Callable[[Request, str], Audience] | None = None,
        scripts: bool = False,
    ) -> None:
        self._root = root
        self._audience = audience
        self._scripts = scripts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await refuse_socket(send)
            return
        if scope["method"] not in ("GET", "HEAD"):
            raise MethodNotAllowed(("GET", "HEAD"))
        asked = parse_qs(scope["query_string"], keep_blank_values=True)
        age = FOREVER if asked.keys() & {b"ts", b"v"} else FOR_AN_HOUR
        relative = route_path(scope).lstrip("/")
        source = partial(self._open, Request(scope), relative)
        await Download(source, {"cache-control": age})(scope, receive, send)

    def _open(self, request: Request, relative: str) -> FileSource:
        try:
            path = safe_join(self._root, relative, found=True)
        except UnsafePath as exc:
            raise NotFound from exc
        audience = self._audience(request, relative) if self._audience else Audience.EVERYBODY
        if audience == Audience.NOBODY:
            raise NotFound
        source = FileSource(path, "Not Found", {})
        headers = self._describe(path.name, source)
        source.headers = headers | ({"cache-control": ASK} if audience == Audience.SOME else {})
        return source

    def _describe(self, name: str, source: FileSource) -> dict[str, str]:
        media_type = type_of_name(name)
        if media_type.startswith("image/") and media_type != "image/svg+xml" and source.size:
            media_type = type_of_image(source.read_at(0, _HEAD)) or media_type
        headers = {"content-type": media_type}
        if _SCRIPTED.match(media_type) and not self._scripts:
            headers["content-security-policy"] = SANDBOX
        if _COMPRESSIBLE.match(media_type):
            headers["accept-ranges"] = "none"  # so that it may be compressed
        return headers
