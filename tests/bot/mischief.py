"""What an analysis may do to the process that it runs in. Imports nothing that takes time: a deadline is counted meanwhile."""

import os
import signal
import time


def hang() -> None:
    while True:
        pass


def eat() -> int:
    return len(bytearray(4 * 1024**3))


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def stumble() -> None:
    raise KeyError("a mistake")


def nap(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


def read_or_hang(sources: dict[str, bytes]) -> dict[str, bytes]:
    """Stands in for the reading of files, one of which never ends."""
    if b"hang" in sources.values():
        hang()
    return sources


def never_ready(_parent: int, _memory: int) -> None:
    """Stands in for the beginning of a process."""
    while True:
        time.sleep(1)
