"""Several processes of one server on one socket, each with an interpreter of its own, over one PostgreSQL database.

The first process opens the socket and forks the others; it serves nothing itself. One that ends by itself is started
anew. SIGTERM and SIGINT end all of them, each as a single server ends; SIGHUP is handed on.
"""

from __future__ import annotations

import logging
import os
import select
import shutil
import signal
import tempfile
import time
from collections.abc import Callable

log = logging.getLogger("debitor")

LOOK = 0.1
"""Seconds between two looks at the processes."""
PAUSE = 1.0
"""Seconds before a process that lived shorter than that is started anew."""
COUNTERS = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that tells prometheus-client where processes keep their counters together."""

Say = Callable[[str], None]


class Workers:
    """Runs processes until a signal says stop.

    Args:
        number: how many.
        serve: what each does: told how to say that it is ready, it returns its exit code.
        say: prints a line; called once all are ready.
    """

    def __init__(self, number: int, serve: Callable[[Say], int], say: Say) -> None:
        self._number, self._serve, self._say = number, serve, say
        self._living: dict[int, float] = {}
        self._ready: set[int] = set()
        self._line = ""
        self._stopping = False
        self._read, self._write = os.pipe()

    def run(self) -> int:
        """Start, watch, end. Returns the exit code: that of a process that could not start, else 0."""
        folder = tempfile.mkdtemp(prefix="debitor-counters-")
        os.environ[COUNTERS] = folder
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGHUP, self._hand_on)
        code = 0
        try:
            for _ in range(self._number):
                self._start()
            while self._living:
                if select.select([self._read], [], [], LOOK)[0]:
                    self._hear()
                code = self._look() or code
        finally:
            for pid in self._living:
                os.kill(pid, signal.SIGKILL)
            shutil.rmtree(folder, ignore_errors=True)
        return code

    def _start(self) -> None:
        pid = os.fork()
        if pid:
            self._living[pid] = time.monotonic()
            return
        code = 1
        try:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            os.close(self._read)
            code = self._serve(self._tell)
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 1
        except BaseException:
            log.exception("a worker could not go on")
        finally:
            os._exit(code)

    def _tell(self, line: str) -> None:
        """In a worker: say that it is ready."""
        os.write(self._write, f"{os.getpid()} {line}\n".encode())

    def _hear(self) -> None:
        for told in os.read(self._read, 65536).decode().splitlines():
            pid, _, line = told.partition(" ")
            self._ready.add(int(pid))
            if len(self._ready) == self._number and not self._line:
                self._line = line
                self._say(line)

    def _look(self) -> int:
        """Take leave of a process that ended. Returns its exit code if that ends all, else 0."""
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return 0
        lived = time.monotonic() - self._living.pop(pid)
        from prometheus_client.multiprocess import mark_process_dead

        mark_process_dead(pid)  # type: ignore[no-untyped-call]
        code = os.waitstatus_to_exitcode(status)
        if self._stopping:
            return max(code, 0)
        if not self._line:
            # It could not start, so others could not either.
            self._stop(signal.SIGTERM, None)
            return code if code > 0 else 1
        log.error("worker %d ended with %d and is started anew", pid, code)
        if lived < PAUSE:
            time.sleep(PAUSE)
        self._start()
        return 0

    def _stop(self, _number: int, _frame: object) -> None:
        self._stopping = True
        self._send(signal.SIGTERM)

    def _hand_on(self, number: int, _frame: object) -> None:
        self._send(number)

    def _send(self, number: int) -> None:
        for pid in list(self._living):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue
