"""Places companies of skewed size on shards, and shards on nodes, and shows how even the load is.

    .venv/bin/python -m bench.shards [--companies 1000000] [--shards 1024] [--nodes 32] [--skew 1.1] [--rate 100000]

Sizes follow Zipf's law: the n-th largest company has 1/n**skew of the largest one's payments. Citus hashes a company
to a shard; shards are dealt out to nodes in turn, as `rebalance_table_shards` by number does, or by load, the
heaviest first, as it does with a strategy. A company never lies on two shards, so the largest one is the limit of
what any placement can do: it is shown beside, with what one company can write on one node.

Nothing is measured here; `--per-node` and `--per-company` are what was measured elsewhere (docs/performance.md).
"""

from __future__ import annotations

import argparse
import hashlib
import heapq
import itertools
from collections.abc import Sequence

PER_NODE, PER_COMPANY = 4_500, 3_000
"""Payments a second: of one node, and of one company, which one transaction at a time writes."""


def sizes(companies: int, skew: float) -> list[float]:
    """The share of each company, the largest first; together 1."""
    raw = [1 / n**skew for n in range(1, companies + 1)]
    total = sum(raw)
    return [each / total for each in raw]


def shard_of(company: int, shards: int) -> int:
    """A shard by an even hash, as Citus has it."""
    digest = hashlib.blake2b(company.to_bytes(8, "big"), digest_size=8).digest()
    return int.from_bytes(digest, "big") * shards >> 64


def loads(shares: Sequence[float], shards: int) -> list[float]:
    """The load of each shard."""
    found = [0.0] * shards
    for company, share in enumerate(shares, 1):
        found[shard_of(company, shards)] += share
    return found


def in_turn(of: Sequence[float], nodes: int) -> list[float]:
    """Shards dealt out to nodes by number. Returns the load of each node."""
    found = [0.0] * nodes
    for at, load in enumerate(of):
        found[at % nodes] += load
    return found


def by_load(of: Sequence[float], nodes: int) -> list[float]:
    """Shards dealt out to nodes, the heaviest first, each to the node with the least."""
    heap = [(0.0, node) for node in range(nodes)]
    for load in sorted(of, reverse=True):
        least, node = heapq.heappop(heap)
        heapq.heappush(heap, (least + load, node))
    return [load for load, _ in heap]


def told(what: str, of: Sequence[float], rate: float, capacity: float) -> str:
    """A line: the load of the busiest, of the median, and how many are over what they can do."""
    ordered = sorted(of)
    mean = sum(of) / len(of)
    over = sum(load * rate > capacity for load in of)
    return (
        f"| {what} | {len(of):,} | {ordered[len(of) // 2] * rate:,.0f} | {ordered[-1] * rate:,.0f} "
        f"| {ordered[-1] / mean:.2f} | {over} |"
    )


def main() -> None:
    """Place, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--companies", type=int, default=1_000_000)
    parser.add_argument("--shards", type=int, default=1024)
    parser.add_argument("--nodes", type=int, default=32)
    parser.add_argument("--skew", type=float, default=0.7)
    parser.add_argument("--rate", type=float, default=100_000, help="payments a second, of all companies")
    parser.add_argument("--per-node", type=float, default=PER_NODE)
    parser.add_argument("--per-company", type=float, default=PER_COMPANY)
    given = parser.parse_args()
    shares = sizes(given.companies, given.skew)
    placed = loads(shares, given.shards)
    print(f"{given.companies:,} companies, skew {given.skew}, {given.rate:,.0f} payments a second\n")
    print("| | number | median/s | busiest/s | busiest / mean | over their limit |\n|---|---|---|---|---|---|")
    print(told("companies", shares, given.rate, given.per_company))
    print(told("shards", placed, given.rate, given.per_node))
    print(told("nodes, shards in turn", in_turn(placed, given.nodes), given.rate, given.per_node))
    print(told("nodes, shards by load", by_load(placed, given.nodes), given.rate, given.per_node))
    enough = next(
        nodes for nodes in itertools.count(1) if max(by_load(placed, nodes)) * given.rate <= given.per_node
        or nodes >= given.shards
    )  # fmt: skip
    print(f"\nnodes needed, shards by load: {enough}")


if __name__ == "__main__":
    main()
