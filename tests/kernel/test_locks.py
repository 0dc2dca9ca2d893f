import os
import subprocess
import sys
from pathlib import Path

from romm_lite.kernel.locks import hold, read_holder

HOLD_AND_WAIT = """
import sys
from pathlib import Path
from romm_lite.kernel.locks import hold
with hold(Path(sys.argv[1]), {"port": 7}) as held:
    print(held, flush=True)
    sys.stdin.read()
"""


def start(path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLD_AND_WAIT, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def start_holder(path: Path) -> subprocess.Popen[str]:
    holder = start(path)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "True\n"
    return holder


def test_the_lock_is_held_and_tells_by_whom(tmp_path: Path) -> None:
    with hold(tmp_path / "lock", {"port": 8080}) as held:
        assert held
        assert read_holder(tmp_path / "lock") == {"pid": os.getpid(), "port": 8080}
    assert read_holder(tmp_path / "lock") == {}


def test_another_process_is_kept_out(tmp_path: Path) -> None:
    with start_holder(tmp_path / "lock") as holder:
        with hold(tmp_path / "lock", {}) as held:
            assert not held
            assert read_holder(tmp_path / "lock") == {"pid": holder.pid, "port": 7}
        holder.kill()


def test_the_holder_itself_gets_it_only_once(tmp_path: Path) -> None:
    with hold(tmp_path / "lock", {"port": 1}) as held:
        assert held
        with hold(tmp_path / "lock", {}) as again:
            assert not again
        assert read_holder(tmp_path / "lock")["port"] == 1
        with start(tmp_path / "lock") as other:
            assert other.stdout is not None
            assert other.stdout.readline() == "False\n"
            other.kill()


def test_a_killed_holder_leaves_no_lock(tmp_path: Path) -> None:
    with start_holder(tmp_path / "lock") as holder:
        holder.kill()
    with hold(tmp_path / "lock", {}) as held:
        assert held


def test_no_file_means_no_holder(tmp_path: Path) -> None:
    assert read_holder(tmp_path / "lock") == {}
