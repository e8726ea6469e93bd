"""A process that writes until it is stopped: `python writer.py URL PREFIX`. Prints the code of each kept row."""

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from debitor.store import Root, Store
from debitor.store.opening import open_store
from store.shelves import SHELVES, Country


async def client(store: Store, name: str, limit: int) -> None:
    for i in range(limit):
        code = f"{name}{i}"

        def job(tx: Root, code: str = code) -> int:
            return tx.at(1).insert(Country(code=code)).version

        version = await store.write(job)
        print(code, version, flush=True)


async def main(url: str, prefix: str, limit: int) -> None:
    store = open_store(url, records=SHELVES)
    await asyncio.gather(*(client(store, f"{prefix}{k}-", limit) for k in "abcdefgh"))
    store.close()


asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
