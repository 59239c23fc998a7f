"""One stage as a child process: started, listened to, ended."""

import os
import subprocess
import threading
from collections.abc import Sequence

__all__ = ["Child"]


class Child:
    """A command in a session of its own, which dies with us; what it says on standard error is passed on.

    Make it in the main thread: the kernel's request to die with the parent follows the thread that spawns.
    """

    def __init__(self, stage: str, command: Sequence[str]) -> None:
        self._stage = stage
        self.last_line = ""
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
        )
        self._listener = threading.Thread(target=self._listen, name=stage, daemon=True)
        self._listener.start()

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def status(self) -> int | None:
        """How it ended, as the shell counts: negative by a signal; ``None`` while it runs."""
        status = self._process.poll()
        if status is not None:
            self._listener.join(1.0)  # for its last line; whoever inherited the pipe may keep it open
        return status

    def stop(self) -> None:
        """Ask it to end."""
        self._process.terminate()

    def kill(self) -> None:
        """kill -9, stopped or not; its workers go with it."""
        self._process.kill()
        self._process.wait()

    def _listen(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as lines:
            for line in lines:
                text = line.decode(errors="replace").rstrip()
                if text:
                    self.last_line = text.removeprefix("candlewick: ")
                    os.write(2, f"{self._stage}: {text}\n".encode())
