"""Processes: helpers that never outlive us, and our own end."""

import ctypes
import gc
import os
import signal
import subprocess
import sys
import threading
from typing import Final

__all__ = [
    "command", "die_with_parent", "end_at_once", "keep_memory", "spare_collector", "spawn", "status_text", "stop_flag",
]  # fmt: skip

_PR_SET_PDEATHSIG: Final = 1
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3
_KEPT: Final = {_M_TRIM_THRESHOLD: 256 << 20, _M_TOP_PAD: 16 << 20, _M_MMAP_THRESHOLD: 32 << 20}
"""Bytes; the last is the most that is allowed."""


def die_with_parent(parent: int, number: int = signal.SIGKILL) -> None:
    """Ask the kernel to send us ``number`` when ``parent`` dies; called first of all in a child.

    The request follows the *thread* that spawned us, so spawn from one that lives as long as the process.
    """
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
    if os.getppid() != parent:  # it died before we asked
        os.kill(os.getpid(), number)


def command(*words: str) -> list[str]:
    """`candlewick` with ``words`` as a child of this process, which dies with it."""
    return [sys.executable, "-m", "flows.child", str(os.getpid()), *words]


def spare_collector() -> None:
    """Look for cycles of garbage seldom: records make none, and looking takes a seventh of a dataflow's time."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def keep_memory() -> None:
    """Have the C library keep what is freed for what is asked for next, instead of giving it back to the kernel.

    Who reads a log makes and drops megabytes all the time, and each of their pages would be handed out, and cleared,
    anew. The process stays as large as it once had to be. Nothing happens with another C library than glibc.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for option, size in _KEPT.items():
            mallopt(option, size)


def spawn(word: str, payload: bytes) -> "subprocess.Popen[bytes]":
    """Start `command` ``word`` with ``payload`` on its standard input, in a process group of its own.

    A group of its own, so that Ctrl-C in a terminal reaches the parent alone and children end in the order it wants.
    """
    child = subprocess.Popen(command(word), stdin=subprocess.PIPE, start_new_session=True)
    assert child.stdin is not None
    child.stdin.write(payload)
    child.stdin.close()
    return child


def status_text(status: int) -> str:
    """How a process ended, in words; `status` as `subprocess` has it."""
    if status >= 0:
        return f"ended with status {status}"
    try:
        return f"was killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"was killed by signal {-status}"


def end_at_once() -> None:
    """Until somebody else handles SIGTERM and SIGINT they end this process, with status 0: nothing has begun yet."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(0))


def stop_flag() -> threading.Event:
    """Set by SIGTERM and SIGINT: sources look at it and end, so that everything behind them ends cleanly."""
    flag = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: flag.set())
    return flag
