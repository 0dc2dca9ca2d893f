import subprocess
import sys

import pytest

MEASURE = """
import sys, threading
from romm_lite.kernel.memory import share_heap
if sys.argv[1] == "yes":
    share_heap()
def work():
    for _ in range(2):
        [bytes(60_000) for _ in range(500)]
threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(open("/proc/self/smaps").read().count("rw-p"))
"""


def count_maps(word: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, word], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc is Linux's")
def test_threads_share_one_heap() -> None:
    assert count_maps("yes") < count_maps("no")
