import io
import logging
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from romm_lite.kernel import log


@pytest.fixture(autouse=True)
def keep_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def write(message: str, *, force_color: bool = False, no_color: bool = False) -> str:
    stream = io.StringIO()
    log.set_up("INFO", force_color=force_color, no_color=no_color, stream=stream)
    logging.getLogger("romm_lite.features.scan").warning(message)
    return stream.getvalue()


def test_a_line_has_level_module_time_and_message() -> None:
    assert re.fullmatch(
        r"\[WARNING\]: \[RomM\]\[features\.scan\] \[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] hello\n",
        write("hello"),
    )


def test_a_message_stays_on_one_line() -> None:
    assert write("forged\n[INFO]: line").count("\n") == 1


def test_colours_can_be_forced_and_forbidden() -> None:
    assert "\x1b[33mWARNING" in write("x", force_color=True)
    assert "\x1b" not in write("x", force_color=True, no_color=True)


def test_below_the_level_nothing_is_written() -> None:
    stream = io.StringIO()
    log.set_up("ERROR", stream=stream)
    logging.getLogger("romm_lite").warning("quiet")
    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("token rmm_" + "a1" * 32, "a1a1"),
        ("Authorization: Bearer eyJhbGciOi.eyJzdWIiOi.c2ln", "eyJ"),
        ("Authorization: Basic YWRtaW46aHVzaHB1cHB5", "YWRtaW4"),
        ("GET /x?api_key=abcdef&y=1", "abcdef"),
        ("mariadb://romm:hunter2@db.lan/romm", "hunter2"),
        ("?setup_token=12345678", "12345678"),
        ("GET '/api/client-tokens/pair/ABCD2345/status' 200", "ABCD2345"),
    ],
)
def test_secrets_are_masked(text: str, secret: str) -> None:
    assert secret not in write(text)


def test_a_traceback_is_masked_too() -> None:
    stream = io.StringIO()
    log.set_up("INFO", stream=stream)
    try:
        raise ValueError("postgresql://u:hunter2@h/d")
    except ValueError:
        logging.getLogger("romm_lite").exception("broken")
    assert "ValueError" in stream.getvalue()
    assert "hunter2" not in stream.getvalue()


SENTRY = """
from romm_lite.kernel.log import report_to_sentry
import sentry_sdk
report_to_sentry(None, "1.2.3")
print(sentry_sdk.get_client().is_active())
report_to_sentry("https://key@127.0.0.1:9/1", "1.2.3")
print(sentry_sdk.get_client().options["release"])
"""


def test_errors_go_to_sentry_when_a_dsn_is_set() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SENTRY], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "romm_lite@1.2.3"]
