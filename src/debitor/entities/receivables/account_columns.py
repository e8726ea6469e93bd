"""Columns that hold the number of a G/L account which posting uses: they name one that can be posted to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from debitor.entities.master import refuse
from debitor.ledger.records import Account, GLAccountType, NumberSeries
from debitor.schema import Act, Lookup, Property, code


def account_lookups(columns: Iterable[str]) -> dict[str, Lookup]:
    """Return the lookups by which `editable` checks that the accounts of these columns exist."""
    return {f"of_{column}": Lookup(Account, via=column, by="number") for column in columns}


def series_lookups(columns: Iterable[str]) -> dict[str, Lookup]:
    """Return the lookups by which `editable` checks that the number series of these columns exist."""
    return {f"of_{column}": Lookup(NumberSeries, via=column, by="code") for column in columns}


def code_properties(names: Mapping[str, str]) -> tuple[Property, ...]:
    """Return the properties for columns of codes: name -> column."""
    return tuple(Property(name, code(20), column) for name, column in names.items())


def check_accounts(act: Act, names: Mapping[str, str], columns: Mapping[str, Any]) -> None:
    """Refuse accounts that nothing can be posted to: headings, totals and blocked ones.

    Args:
        names: property -> column. columns: what is about to be written.
    """
    for name, column in names.items():
        number = columns.get(column)
        account = act.tx.find(Account, number=number) if number else None
        if account is None:
            continue
        if account.account_type != GLAccountType.POSTING:
            raise refuse(f"{name} {number} is of type {account.account_type}; name an account of type Posting.")
        if account.blocked:
            raise refuse(f"{name} {number} is blocked; name another account, or unblock it first.")
