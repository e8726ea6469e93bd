"""A new company: a row for it, and everything that it needs to sell, to be paid and to post on its first day."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

from debitor.ledger.minor_units import INVOICE_ROUNDING, minor_unit
from debitor.ledger.records import (
    Account,
    AccountType,
    BankAccount,
    Company,
    CustomerPostingGroup,
    Dimension,
    DimensionValue,
    GeneralProductPostingGroup,
    GLAccountCategory,
    GLAccountType,
    JournalBatch,
    JournalTemplate,
    JournalTemplateType,
    NumberSeries,
    NumberSeriesLine,
    PaymentMethod,
    PaymentTerm,
    ReasonCode,
    ReceivablesSetup,
    TaxGroup,
)
from debitor.operations.demo import DEMO_CURRENCY, fill_demo
from debitor.operations.fiscal_years import add_fiscal_years
from debitor.operations.incoming import free_key
from debitor.operations.master_records import (
    CompanyInformation,
    CountryRegion,
    InventoryPostingGroup,
    ItemCategory,
    ShipmentMethod,
    TaxArea,
    UnitOfMeasure,
)
from debitor.schema import Refused
from debitor.store import Root, Transaction

PAYMENT_TEMPLATE = "CASHRECPT"
GENERAL_TEMPLATE = "GENERAL"

BANK = "1210"
CASH = "1240"
RECEIVABLES = "1310"
RECEIVABLES_FOREIGN = "1320"
SALES_TAX = "2310"
SALES_OF_GOODS = "4110"
SALES_OF_SERVICES = "4120"
SALES_RETURNS = "4180"

_P, _B, _E, _H = GLAccountType.POSTING, GLAccountType.BEGIN_TOTAL, GLAccountType.END_TOTAL, GLAccountType.HEADING
_ASSETS, _LIABILITIES, _EQUITY = GLAccountCategory.ASSETS, GLAccountCategory.LIABILITIES, GLAccountCategory.EQUITY
_INCOME, _COST, _EXPENSE = GLAccountCategory.INCOME, GLAccountCategory.COST_OF_GOODS_SOLD, GLAccountCategory.EXPENSE

CHART: tuple[tuple[str, str, GLAccountType, GLAccountCategory, str], ...] = (
    ("1000", "Balance sheet", _H, _ASSETS, ""),
    ("1100", "Assets", _B, _ASSETS, ""),
    ("1200", "Liquid funds", _B, _ASSETS, ""),
    (BANK, "Bank, current account", _P, _ASSETS, "Cash"),
    ("1220", "Bank, savings account", _P, _ASSETS, "Cash"),
    ("1230", "Payments in transit", _P, _ASSETS, "Cash"),
    (CASH, "Cash desk", _P, _ASSETS, "Cash"),
    ("1299", "Liquid funds, total", _E, _ASSETS, ""),
    ("1300", "Receivables", _B, _ASSETS, ""),
    (RECEIVABLES, "Customers, domestic", _P, _ASSETS, "Accounts Receivable"),
    (RECEIVABLES_FOREIGN, "Customers, foreign", _P, _ASSETS, "Accounts Receivable"),
    ("1390", "Other receivables", _P, _ASSETS, "Accounts Receivable"),
    ("1399", "Receivables, total", _E, _ASSETS, ""),
    ("1410", "Stock of goods", _P, _ASSETS, "Inventory"),
    ("1999", "Assets, total", _E, _ASSETS, ""),
    ("2000", "Liabilities", _B, _LIABILITIES, ""),
    ("2110", "Suppliers", _P, _LIABILITIES, "Current Liabilities"),
    (SALES_TAX, "Tax on sales", _P, _LIABILITIES, "Current Liabilities"),
    ("2390", "Tax settlement", _P, _LIABILITIES, "Current Liabilities"),
    ("2999", "Liabilities, total", _E, _LIABILITIES, ""),
    ("3110", "Capital", _P, _EQUITY, "Common Stock"),
    ("3190", "Retained earnings", _P, _EQUITY, "Retained Earnings"),
    ("4000", "Income statement", _H, _INCOME, ""),
    ("4100", "Revenue", _B, _INCOME, ""),
    (SALES_OF_GOODS, "Sales of goods", _P, _INCOME, "Income, Product Sales"),
    (SALES_OF_SERVICES, "Sales of services", _P, _INCOME, "Income, Services"),
    (SALES_RETURNS, "Returns and allowances", _P, _INCOME, "Sales Returns & Allowances"),
    ("4190", "Fees charged to customers", _P, _INCOME, "Income, Services"),
    ("4199", "Revenue, total", _E, _INCOME, ""),
    ("4210", "Payment discounts granted", _P, _INCOME, "Sales Discounts"),
    ("4220", "Payment discounts taken back", _P, _INCOME, "Sales Discounts"),
    ("4230", "Payment tolerance granted", _P, _INCOME, "Sales Discounts"),
    ("4240", "Payment tolerance received", _P, _INCOME, "Sales Discounts"),
    ("5110", "Cost of goods sold", _P, _COST, "Materials"),
    ("6110", "Freight", _P, _EXPENSE, "Other Income & Expenses"),
    ("6210", "Invoice rounding", _P, _EXPENSE, "Other Income & Expenses"),
    ("6220", "Rounding of applications", _P, _EXPENSE, "Other Income & Expenses"),
    ("6310", "Exchange gains, realized", _P, _INCOME, "Other Income & Expenses"),
    ("6320", "Exchange losses, realized", _P, _EXPENSE, "Other Income & Expenses"),
    ("6330", "Exchange gains, unrealized", _P, _INCOME, "Other Income & Expenses"),
    ("6340", "Exchange losses, unrealized", _P, _EXPENSE, "Other Income & Expenses"),
    ("6410", "Bad debts", _P, _EXPENSE, "Bad Debt Expense"),
)
"""Number, name, type, category, subcategory. A total sums from its Begin-Total."""

_NOT_DIRECT = {RECEIVABLES, RECEIVABLES_FOREIGN, SALES_TAX}
"""Accounts that a subledger keeps, so that no journal line may name them."""

TOTALS = {
    "1299": "1200..1299",
    "1399": "1300..1399",
    "1999": "1100..1999",
    "2999": "2000..2999",
    "4199": "4100..4199",
}

SERIES: tuple[tuple[str, str, str, int], ...] = (
    ("CUST", "Customers", "10000", 100),
    ("CONT", "Contacts", "CT100010", 10),
    ("ITEM", "Items", "1000", 10),
    ("S-INV", "Sales invoices, drafts", "SI-10001", 1),
    ("S-INV+", "Sales invoices, posted", "100000", 1),
    ("S-CR", "Sales credit memos, drafts", "SC-10001", 1),
    ("S-CR+", "Sales credit memos, posted", "200000", 1),
    ("PAY", "Payments", "PAY000001", 1),
    ("GEN", "General journal", "GEN000001", 1),
)
"""Code, description, first number, step."""

TERMS: tuple[tuple[str, str, str, str, str], ...] = (
    ("COD", "Cash on delivery", "0D", "", "0"),
    ("7D", "7 days net", "7D", "", "0"),
    ("14D", "14 days net", "14D", "", "0"),
    ("30D", "30 days net", "30D", "", "0"),
    ("60D", "60 days net", "60D", "", "0"),
    ("CM", "End of the month", "CM", "", "0"),
    ("1M(8D)", "1 month, 2 % within 8 days", "1M", "8D", "2"),
    ("30D(10D)", "30 days, 3 % within 10 days", "30D", "10D", "3"),
)
"""Code, description, due date, discount date, discount percent."""

TAXES: tuple[tuple[str, str, str], ...] = (
    ("STANDARD", "Full rate", "25"),
    ("REDUCED", "Reduced rate", "12"),
    ("EXEMPT", "No tax", "0"),
)

REASONS = (
    ("WRITEOFF", "Small rest given up"),
    ("CHARGEBACK", "Payment taken back by the bank"),
    ("MISTAKE", "Posted by mistake"),
    ("DISPUTE", "In dispute"),
)
"""Reason codes of a new company."""
DIMENSIONS: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...] = (
    ("DEPARTMENT", "Department", (("ADM", "Administration"), ("SALES", "Sales"), ("SERVICE", "Service"))),
    ("REGION", "Region", (("NORTH", "North"), ("SOUTH", "South"), ("EAST", "East"), ("WEST", "West"))),
)

UNITS: tuple[tuple[str, str, str, str], ...] = (
    ("PCS", "Piece", "EA", "pc"),
    ("BOX", "Box", "BX", "bx"),
    ("HOUR", "Hour", "HUR", "h"),
    ("KG", "Kilogram", "KGM", "kg"),
    ("SET", "Set", "SET", "set"),
)

COUNTRIES = """AE United Arab Emirates|AR Argentina|AT Austria|AU Australia|BE Belgium|BG Bulgaria|BR Brazil|CA Canada
CH Switzerland|CL Chile|CN China|CY Cyprus|CZ Czechia|DE Germany|DK Denmark|EE Estonia|EG Egypt|ES Spain|FI Finland
FR France|GB United Kingdom|GR Greece|HR Croatia|HU Hungary|ID Indonesia|IE Ireland|IL Israel|IN India|IS Iceland
IT Italy|JP Japan|KE Kenya|KR South Korea|LI Liechtenstein|LT Lithuania|LU Luxembourg|LV Latvia|MA Morocco|MT Malta
MX Mexico|MY Malaysia|NG Nigeria|NL Netherlands|NO Norway|NZ New Zealand|PH Philippines|PL Poland|PT Portugal
RO Romania|RS Serbia|SA Saudi Arabia|SE Sweden|SG Singapore|SI Slovenia|SK Slovakia|TH Thailand|TN Tunisia|TR Türkiye
TW Taiwan|UA Ukraine|US United States|VN Vietnam|ZA South Africa"""

_SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "CHF": "CHF", "DKK": "kr.", "SEK": "kr", "NOK": "kr"}
EURO = "EUR"
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
LONGEST_NAME = 30


def create_company(root: Root, *, name: str, currency: str = "EUR", today: date, demo: bool = False) -> Company:
    """Add a company with its set-up: chart of accounts, posting groups, terms, number series, journals, dimensions.

    Args:
        root: the transaction to add it in.
        name: at most 30 characters, another than that of any company here in any letter case.
        currency: ISO code of the local currency.
        today: its fiscal year starts on 1 January before.
        demo: also half a year of invented business: customers, items, invoices, payments.
    Raises:
        Refused: the name or the currency is not possible, or the name is taken; the demo is in euro only.
    """
    name, currency = name.strip(), currency.strip().upper()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise Refused(
            "Application_DialogException", f"A company needs a name of 1 to {LONGEST_NAME} printable characters."
        )
    if not _CURRENCY.fullmatch(currency):
        raise Refused("Application_DialogException", f"'{currency}' is not a currency; give its code, such as EUR.")
    if demo and currency != DEMO_CURRENCY:
        raise Refused(
            "Application_DialogException",
            f"The demo's prices are in {DEMO_CURRENCY}; leave the currency {currency} out.",
        )
    if any(c.name.lower() == name.lower() for c in root.all(Company)):
        raise Refused("Internal_EntityWithSameKeyExists", f"There is a company {name} already; choose another name.")
    company = root.insert(
        Company(
            key=free_key(root),
            name=name,
            display_name=name,
            created_at=root.now,
        )
    )
    tx = root.at(company.key)
    _fill(tx, name, currency, today)
    if demo:
        fill_demo(tx, today)
    return company


def _fill(tx: Transaction, name: str, currency: str, today: date) -> None:
    _insert_accounts(tx)
    _insert_groups(tx)
    _insert_terms(tx)
    _insert_series(tx)
    _insert_dimensions(tx)
    _insert_lists(tx)
    tx.insert(CompanyInformation(display_name=name, fiscal_year_start=date(today.year, 1, 1)))
    tx.insert(BankAccount(number="BANK", name="Current account", ledger_account=BANK))
    add_fiscal_years(tx, today.year, today.year + 1)
    tx.insert_many(ReasonCode(code=code, description=told) for code, told in REASONS)
    default_journal = _insert_journals(tx)
    tx.insert(
        ReceivablesSetup(
            local_currency_code=currency,
            local_currency_symbol=_SYMBOLS.get(currency, currency),
            amount_rounding_precision=minor_unit(currency),
            invoice_rounding=currency in INVOICE_ROUNDING,
            invoice_rounding_precision=INVOICE_ROUNDING.get(currency, minor_unit(currency)),
            emu_currency=currency == EURO,
            customer_numbers="CUST",
            item_numbers="ITEM",
            contact_numbers="CONT",
            sales_invoice_numbers="S-INV",
            posted_sales_invoice_numbers="S-INV+",
            credit_memo_numbers="S-CR",
            posted_credit_memo_numbers="S-CR+",
            payment_numbers="PAY",
            default_customer_posting_group="DOMESTIC",
            default_payment_journal_id=default_journal.id,
            payment_template=PAYMENT_TEMPLATE,
            general_template=GENERAL_TEMPLATE,
            sales_source_code="SALES",
            write_off_limit=Decimal(5),
            global_dimension_1=DIMENSIONS[0][0],
            global_dimension_2=DIMENSIONS[1][0],
        )
    )


def _insert_accounts(tx: Transaction) -> None:
    tx.insert_many(
        Account(
            number=number,
            name=name,
            account_type=kind,
            category=category,
            sub_category=sub_category,
            direct_posting=kind == GLAccountType.POSTING and number not in _NOT_DIRECT,
            totaling=TOTALS.get(number, ""),
        )
        for number, name, kind, category, sub_category in CHART
    )


def _insert_groups(tx: Transaction) -> None:
    tx.insert_many(
        CustomerPostingGroup(
            code=code,
            description=description,
            receivables_account=receivables,
            payment_discount_debit_account="4210",
            payment_discount_credit_account="4220",
            payment_tolerance_debit_account="4230",
            payment_tolerance_credit_account="4240",
            debit_rounding_account="6210",
            credit_rounding_account="6210",
            application_rounding_debit_account="6220",
            application_rounding_credit_account="6220",
            invoice_rounding_account="6210",
            write_off_account="6410",
            additional_fee_account="4190",
        )
        for code, description, receivables in (
            ("DOMESTIC", "Customers in this country", RECEIVABLES),
            ("FOREIGN", "Customers abroad", RECEIVABLES_FOREIGN),
        )
    )
    tx.insert_many(
        GeneralProductPostingGroup(
            code=code,
            description=description,
            sales_account=account,
            sales_credit_memo_account=SALES_RETURNS,
            default_tax_group="STANDARD",
            auto_insert_default=code == "GOODS",
        )
        for code, description, account in (
            ("GOODS", "Goods for sale", SALES_OF_GOODS),
            ("SERVICES", "Services", SALES_OF_SERVICES),
        )
    )
    tx.insert_many(
        TaxGroup(code=code, description=description, percent=Decimal(percent), tax_account=SALES_TAX)
        for code, description, percent in TAXES
    )


def _insert_terms(tx: Transaction) -> None:
    tx.insert_many(
        PaymentTerm(
            code=code,
            description=description,
            due_date_calculation=due,
            discount_date_calculation=discount,
            discount_percent=Decimal(percent),
        )
        for code, description, due, discount, percent in TERMS
    )
    tx.insert_many(
        (
            PaymentMethod(code="BANK", description="Bank transfer"),
            PaymentMethod(code="CARD", description="Card"),
            PaymentMethod(code="CASH", description="Cash at once", balancing_account_number=CASH),
        )
    )


def _insert_series(tx: Transaction) -> None:
    tx.insert_many(
        NumberSeries(code=code, description=description, manual_numbers=True) for code, description, _, _ in SERIES
    )
    tx.insert_many(
        NumberSeriesLine(series_code=code, starting_number=first, increment_by=step)
        for code, _, first, step in SERIES
    )


def _insert_dimensions(tx: Transaction) -> None:
    tx.insert_many(Dimension(code=code, name=name) for code, name, _ in DIMENSIONS)
    tx.insert_many(
        DimensionValue(dimension_code=code, code=value, name=name)
        for code, _, values in DIMENSIONS
        for value, name in values
    )


def _insert_lists(tx: Transaction) -> None:
    tx.insert_many(
        UnitOfMeasure(code=code, display_name=name, international_standard_code=iso, symbol=symbol)
        for code, name, iso, symbol in UNITS
    )
    countries = (country.split(" ", 1) for country in COUNTRIES.replace("\n", "|").split("|"))
    tx.insert_many(CountryRegion(code=code, name=name) for code, name in countries)
    tx.insert_many(
        (
            TaxArea(code="DOMESTIC", display_name="In this country"),
            TaxArea(code="ABROAD", display_name="Abroad"),
        )
    )
    tx.insert_many(
        (
            ItemCategory(code="GOODS", display_name="Goods"),
            ItemCategory(code="SERVICES", display_name="Services"),
        )
    )
    tx.insert_many(
        (
            ShipmentMethod(code="EXW", description="Ex works"),
            ShipmentMethod(code="DAP", description="Delivered at place"),
            ShipmentMethod(code="PICKUP", description="Fetched by the customer"),
        )
    )
    tx.insert(InventoryPostingGroup(code="RESALE", description="Goods for resale"))


def _insert_journals(tx: Transaction) -> JournalBatch:
    """Add the two templates with a journal each. Returns the default payment journal."""
    tx.insert_many(
        (
            JournalTemplate(
                name=GENERAL_TEMPLATE,
                description="General journals",
                type=JournalTemplateType.GENERAL,
                source_code="GENJNL",
                number_series="GEN",
            ),
            JournalTemplate(
                name=PAYMENT_TEMPLATE,
                description="Payments of customers",
                type=JournalTemplateType.CASH_RECEIPTS,
                source_code="CASHRECJNL",
                number_series="PAY",
                balancing_account_type=AccountType.GL_ACCOUNT,
                balancing_account_number=BANK,
            ),
        )
    )
    tx.insert(
        JournalBatch(
            template_name=GENERAL_TEMPLATE,
            name="DEFAULT",
            description="General journal",
            number_series="GEN",
        )
    )
    bank = tx.find(Account, number=BANK)
    assert bank, "the chart has no bank account"
    return tx.insert(
        JournalBatch(
            template_name=PAYMENT_TEMPLATE,
            name="GENERAL",
            description="Payments received",
            balancing_account_type=AccountType.GL_ACCOUNT,
            balancing_account_id=bank.id,
            balancing_account_number=bank.number,
            number_series="PAY",
        )
    )
