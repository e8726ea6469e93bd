"""The lines of invoices and credit memos: create, change and remove them while their document is a draft."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from debitor.ledger import sales_documents as rules
from debitor.ledger.amounts import round_to
from debitor.ledger.dimensions import default_set
from debitor.ledger.records import DefaultDimensionPriority, LineType, SalesDocument, SalesDocumentLine
from debitor.ledger.sales_documents import Kind, Precision, kind_of, refuse
from debitor.operations.dimensions import dimension_sources, pairs_of, set_number
from debitor.operations.master_records import UnitOfMeasure
from debitor.operations.payments import setup_of
from debitor.operations.sales_products import is_tax_liable, named_product, tax_columns
from debitor.operations.sales_values import document_of, lines_of, money_of, named, not_found, write
from debitor.schema import BLANK_DATE, BLANK_GUID, Act, Changes, Draft
from debitor.store import Reader, Transaction


def no_document(kind: Kind) -> str:
    """What a client is told who reads or adds lines without naming their document."""
    return (
        f"You must specify a parent ID: address the lines through {kind.entity_set}({{id}})/{kind.lines}, name the "
        f"{kind.noun} with documentId, or read one line by its id."
    )


def named_document(kind: Kind, act: Act, draft: Draft) -> SalesDocument:
    """Return the draft document that the address or documentId names."""
    in_address, given = act.parent.get("documentId", BLANK_GUID), draft.get("documentId", BLANK_GUID)
    if in_address == given == BLANK_GUID:
        raise refuse(no_document(kind))
    if BLANK_GUID not in (in_address, given) and in_address != given:
        raise refuse(f"The address names {kind.noun} {in_address}, documentId names {given}; leave documentId out.")
    header = act.tx.get(kind.document, given if in_address == BLANK_GUID else in_address)
    if header is None:
        raise refuse(f"documentId {given} does not name a sales {kind.noun}.")
    refuse_posted(header)
    return header  # type: ignore[no-any-return]


def refuse_posted(header: SalesDocument) -> None:
    """Refuse to touch the lines of a posted document."""
    if header.posted:
        noun = kind_of(header).noun.capitalize()
        raise refuse(f"{noun} {header.number} is posted; its lines cannot be modified.")


def create_line(kind: Kind, act: Act, draft: Draft) -> str:
    """Add a line to a draft document. Returns its id."""
    tx: Transaction = act.tx
    header = named_document(kind, act, draft)
    setup = setup_of(tx)
    old_lines = lines_of(tx, kind, header.id)
    sequence = draft.get("sequence", 0) or rules.next_sequence(old_lines)
    if not 0 < sequence < 2**31:
        raise refuse(f"sequence {sequence} is out of range; leave it out to add the line at the end.")
    if any(line.sequence == sequence for line in old_lines):
        raise refuse(f"{kind.noun.capitalize()} {header.number} has a line with sequence {sequence} already.")
    money = money_of(tx, header.currency_code, header.posting_date, setup)
    line = kind.line(id=tx.new_id(), document_id=header.id, sequence=sequence)
    product = named_product(tx, draft)
    if product:
        line = rules.with_product(line, product, header, money.precision, tax_liable=is_tax_liable(tx, header))
        line = replace(line, shipment_date=act.today)
    line = changed_line(tx, line, draft, header, money.precision)
    line = replace(line, dimension_set_number=line_dimensions(tx, line, header))
    lines = sorted([*old_lines, line], key=lambda each: each.sequence)
    new, done = rules.calculate_amounts(header, lines, money.precision)
    by_id = {each.id: each for each in done}
    changes = Changes(insert=[by_id.pop(line.id)], update=[(header, new)])
    changes.update += [(old, by_id[old.id]) for old in old_lines if old != by_id[old.id]]
    tx.write(changes)
    return line.id


def line_dimensions(tx: Transaction, line: SalesDocumentLine, header: SalesDocument) -> int:
    """Return the dimension set of a line: what its item or account gives, then what the header has.

    The header's come first when the source code of sales ranks customers before that item or account.
    """
    owner = ("Item", line.item_id) if line.line_type == LineType.ITEM else ("G/L Account", line.account_id)
    own = default_set(dimension_sources(tx, owner)) if line.line_type != LineType.COMMENT else {}
    if not own:
        return header.dimension_set_number
    pairs = pairs_of(tx, header.dimension_set_number)
    source = setup_of(tx).sales_source_code
    ranks = {row.parent_type: row.priority for row in tx.all(DefaultDimensionPriority, source_code=source)}
    of_customer, of_own = ranks.get("Customer", 0), ranks.get(owner[0], 0)
    if of_customer and (not of_own or of_customer < of_own):
        return set_number(tx, {**own, **pairs})
    return set_number(tx, {**pairs, **own})


def changed_line(
    tx: Reader, line: SalesDocumentLine, draft: Draft, header: SalesDocument, precision: Precision
) -> SalesDocumentLine:
    """Return a line with the values sent, after what it sells is settled; without amounts that need other lines.

    Quantity and price come before discounts; of two discounts the one sent last counts.
    """
    columns: dict[str, Any] = {
        column: draft[name]
        for name, column in (("description", "description"), ("description2", "description_2"))
        if name in draft
    }
    for field, what in (("itemVariantId", "a variant of the item"), ("locationId", "a location")):
        if draft.get(field, BLANK_GUID) != BLANK_GUID:
            raise refuse(f"{field} {draft[field]} does not name {what}.")
    if line.line_type == LineType.COMMENT:
        refuse_on_comment(draft)
        return replace(line, **columns)
    if "shipmentDate" in draft:
        columns["shipment_date"] = draft["shipmentDate"]
    unit = named(tx, draft, UnitOfMeasure, "unitOfMeasureId", "unitOfMeasureCode", "code", "unit of measure")
    if unit or "unitOfMeasureCode" in draft:
        columns["unit_of_measure_code"] = unit.code if unit else ""
    if "taxCode" in draft:
        columns |= tax_columns(tx, draft["taxCode"], header)
    if "quantity" in draft:
        columns["quantity"] = round_to(draft["quantity"], rules.FINEST)
    if "unitPrice" in draft:
        columns["unit_price"] = round_to(draft["unitPrice"], precision.unit)
    line = replace(line, **columns)
    if "quantity" in draft or "unitPrice" in draft:
        line = rules.with_discount_percent(line, line.discount_percent, precision)
    for name, value in draft.items():
        if name == "discountPercent":
            line = rules.with_discount_percent(line, value, precision)
        elif name == "discountAmount":
            line = rules.with_discount_amount(line, value, precision)
    return line


def refuse_on_comment(draft: Draft) -> None:
    """Refuse values that only a line with an item or account can have."""
    for name in ("quantity", "unitPrice", "discountAmount", "discountPercent", "taxCode", "unitOfMeasureCode"):
        if draft.get(name):
            raise refuse(f"{name} cannot be set on a comment line. Send itemId or accountId to sell something.")


def line_of(tx: Reader, kind: Kind, id: str) -> tuple[SalesDocumentLine, SalesDocument]:
    """Return a line of a draft and its header."""
    line = tx.get(kind.line, id)
    if line is None:
        raise not_found(kind.lines)
    header = document_of(tx, kind, line.document_id)
    refuse_posted(header)
    return line, header


def change_line(kind: Kind, act: Act, id: str, draft: Draft) -> str:
    """Change the sent properties of a line. Returns its id."""
    tx: Transaction = act.tx
    line, header = line_of(tx, kind, id)
    if draft.get("documentId", BLANK_GUID) not in (BLANK_GUID, line.document_id):
        raise refuse("documentId cannot be modified; delete the line and add it to the other document.")
    if draft.get("sequence", line.sequence) != line.sequence:
        raise refuse("sequence cannot be modified; delete the line and insert it again.")
    precision = money_of(tx, header.currency_code, header.posting_date, setup_of(tx)).precision
    new = changed_line(tx, with_changed_product(act, line, draft, header, precision), draft, header, precision)
    if (new.item_id, new.account_id) != (line.item_id, line.account_id):
        new = replace(new, dimension_set_number=line_dimensions(tx, new, header))
    old_lines = lines_of(tx, kind, header.id)
    lines = [new if each.id == id else each for each in old_lines]
    new_header, done = rules.calculate_amounts(header, lines, precision)
    if all(a == b for a, b in zip(old_lines, done, strict=True)):
        # Every write renews the version, one that changes nothing too.
        tx.update(line)
    write(tx, header, new_header, old_lines, done)
    return id


def with_changed_product(
    act: Act, line: SalesDocumentLine, draft: Draft, header: SalesDocument, precision: Precision
) -> SalesDocumentLine:
    """Return the line selling what the draft names; unchanged when it sells that or nothing is named."""
    number = draft.get("lineObjectNumber", "")
    item_id, account_id = draft.get("itemId", BLANK_GUID), draft.get("accountId", BLANK_GUID)
    same = (
        draft.get("lineType", line.line_type) == line.line_type
        and item_id in (BLANK_GUID, line.item_id)
        and account_id in (BLANK_GUID, line.account_id)
        and number in ("", line.line_object_number)
    )
    if same:
        return line
    if number and line.line_object_number not in ("", number):
        raise refuse(
            "lineObjectNumber cannot be modified; send itemId or accountId, or delete the line and add another."
        )
    product = named_product(act.tx, draft)
    if product is None:
        raise refuse(f"Line {line.sequence} sells something; delete it and add a comment instead.")
    changed = rules.with_product(line, product, header, precision, tax_liable=is_tax_liable(act.tx, header))
    return replace(changed, shipment_date=act.today if line.shipment_date == BLANK_DATE else line.shipment_date)


def remove_line(kind: Kind, act: Act, id: str) -> None:
    """Delete a line of a draft document."""
    tx: Transaction = act.tx
    line, header = line_of(tx, kind, id)
    old_lines = [each for each in lines_of(tx, kind, header.id) if each.id != id]
    precision = money_of(tx, header.currency_code, header.posting_date, setup_of(tx)).precision
    new, lines = rules.calculate_amounts(header, old_lines, precision)
    tx.delete(line)
    write(tx, header, new, old_lines, lines)
