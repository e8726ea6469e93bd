"""What PostgreSQL knows of the size of tables, kept fresh while they are young.

A plan is made once and used until the statistics change. One that was made while a table was empty takes any index
for as good as the primary key, and goes on reading a whole journal for one line of it when there are thousands. The
database looks after its statistics by itself, but once a minute and only when a tenth has changed; so one of the
servers looks every few seconds, and has tables analyzed that have grown.
"""

from __future__ import annotations

from threading import Event, Thread

from debitor.store.postgresql.leader import Leader
from debitor.store.postgresql.link import Broken, Failed, Link

EVERY = 3.0
"""Seconds between two looks."""
_GROWN = (
    "SELECT c.relname::text FROM pg_stat_user_tables AS s JOIN pg_class AS c ON c.oid = s.relid "
    "WHERE c.relnamespace = to_regnamespace(current_schema()) "
    "AND s.n_mod_since_analyze > 200 + GREATEST(c.reltuples, 0) * 0.5"
)
"""Tables of which so much has changed since they were last analyzed, that plans may be other ones."""


class Statistics:
    """Has tables analyzed in a thread of its own, while this server leads.

    Args:
        url: of the database.
        leader: says whether this server is the one that does it.
    """

    def __init__(self, url: str, leader: Leader) -> None:
        self._url, self._leader = url, leader
        self._ended = Event()
        self._thread = Thread(target=self._run, name="debitor-statistics", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        link: Link | None = None
        while not self._ended.wait(EVERY):
            try:
                if not self._leader.leads():
                    continue
                if link is None or link.stale():
                    link = Link(self._url, patience=60)
                refresh(link)
            except (Failed, Broken):
                # The next look may be luckier; meanwhile the database looks after itself.
                continue
        if link is not None and not link.broken:
            link.close()

    def close(self) -> None:
        """End."""
        self._ended.set()
        self._thread.join()


def refresh(link: Link) -> list[str]:
    """Have tables analyzed that have grown or changed. Returns their names."""
    names = [name for (name,) in link.execute(_GROWN).fetchall()]
    for name in names:
        # One that is locked (an index of it is being built) has its turn later; waiting here would hold that up.
        link.execute(f'ANALYZE (SKIP_LOCKED) "{name}"')
    return names
