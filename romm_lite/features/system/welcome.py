"""What a browser sees at the root while there is no web interface to show."""

from html import escape

from starlette.responses import Response

from romm_lite import __version__
from romm_lite.kernel.resources import shipped

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"


_CLAIM = """<p>There is no account yet. On the machine the server runs on, run
<code>romm-lite user create NAME --role admin</code>, or send the account to
<code>POST /api/users</code>; from another machine with the token of this address as
<code>X-Setup-Token</code>.</p>"""
_CONNECT = """<p>Connect a RomM client to this address with your user name and password. To look
for new games, run <code>romm-lite scan</code> on the machine the server runs on.</p>"""


def welcome(root: str, *, is_claimed: bool) -> Response:
    """The page; ``root`` is the path the program lies under."""
    page = (shipped("assets") / "web" / "welcome.html").read_text(encoding="utf-8")
    page = page.replace("{root}", escape(root)).replace("{version}", __version__)
    page = page.replace("{next_step}", _CONNECT if is_claimed else _CLAIM)
    headers = {"content-security-policy": _POLICY}
    return Response(page, headers=headers, media_type="text/html")
