"""The rows of docs/compatibility.md about the protocol: addresses, reading, writing, batches, headers."""

from __future__ import annotations

import uuid
from typing import Any

from wire.compatibility import code_of, row

MISSING = "00000000-0000-4000-8000-00000000dead"
UNKNOWN = "not known"
ADDRESSES, READING, WRITING, BATCHES, HEADERS = "Addresses", "Reading", "Writing", "`$batch`", "Headers"

Outcome = tuple[int, str]


def customer(books: Any, **more: Any) -> dict[str, Any]:
    made = books.post("customers", {"displayName": "Compatibility", **more})
    assert made.status_code == 201, made.text
    return dict(made.json())


def of_answer(answer: Any, **outcomes: bool) -> Outcome:
    """The status and the first outcome that holds, or the error."""
    if answer.status_code >= 400:
        return code_of(answer)
    return answer.status_code, next((name.replace("_", " ") for name, holds in outcomes.items() if holds), "")


def terms(books: Any) -> dict[str, Any]:
    code = "K" + uuid.uuid4().hex[:8].upper()
    made = books.post("paymentTerms", {"code": code, "displayName": "Terms", "dueDateCalculation": "1M"})
    assert made.status_code == 201, made.text
    return dict(made.json())


# --------------------------------------------------------------------------- addresses


@row("`customers({id})`, `customers(id={id})` and `customers('{id}')`", area=ADDRESSES)
def _(books: Any) -> Outcome:
    id = customer(books)["id"]
    found = [books.get(f"customers({key})") for key in (id, f"id={id}", f"'{id}'")]
    assert len({answer.text for answer in found}) == 1
    return code_of(found[0])


@row("a key that is no guid", area=ADDRESSES)
def _(books: Any) -> Outcome:
    return code_of(books.get("customers(None)"))


@row("`companies(name='…')`", area=ADDRESSES)
def _(books: Any) -> Outcome:
    return code_of(books.get(f"{books.root}/companies(name='{books.company['name']}')"))


@row("another unique property as key: `customers(number='10400')`", area=ADDRESSES)
def _(books: Any) -> Outcome:
    return code_of(books.get("customers(number='10400')"))


@row("`?company=` or the header `Company` or `CompanyId` in place of `companies({id})/`", area=ADDRESSES)
def _(books: Any) -> Outcome:
    url = f"{books.root}/customers"
    for header in ("Company", "CompanyId"):
        assert books.get(url, {header: books.company_id}).status_code == 200
    return code_of(books.get(f"{url}?company={books.company['name']}"))


@row("`companies({id})/$metadata`", area=ADDRESSES)
def _(books: Any) -> Outcome:
    return code_of(books.get("$metadata"))


@row("a property: `customers({id})/displayName`, `…/displayName/$value`", area=ADDRESSES, central=UNKNOWN)
def _(books: Any) -> Outcome:
    id = customer(books)["id"]
    assert books.get(f"customers({id})/displayName").json()["value"] == "Compatibility"
    return of_answer(books.get(f"customers({id})/displayName/$value"), text=True)


@row("a single navigation that is blank: `customers({id})/currency`", area=ADDRESSES, central=UNKNOWN)
def _(books: Any) -> Outcome:
    return of_answer(books.get(f"customers({customer(books)['id']})/currency"))


# --------------------------------------------------------------------------- reading


@row("`$filter` with `in`, without `$schemaversion=2.1`", area=READING)
def _(books: Any) -> Outcome:
    return code_of(books.get("customers?$filter=number in ('10400','10500')"))


@row("`$filter` with `in`, with `$schemaversion=2.1`", area=READING)
def _(books: Any) -> Outcome:
    return code_of(books.get("customers?$filter=number in ('10400','10500')&$schemaversion=2.1"))


@row("a function around a function in `$filter`, without `$schemaversion=2.1`", area=READING)
def _(books: Any) -> Outcome:
    return code_of(books.get("customers?$filter=contains(tolower(displayName),'a')"))


@row("a function around a function in `$filter`, with `$schemaversion=2.1`", area=READING)
def _(books: Any) -> Outcome:
    return code_of(books.get("customers?$filter=contains(tolower(displayName),'a')&$schemaversion=2.1"))


@row("`or` across different fields with `$schemaversion=2.1`", area=READING)
def _(books: Any) -> Outcome:
    return code_of(books.get("customers?$filter=number eq '1' or displayName eq 'x'&$schemaversion=2.1"))


@row("an `or` list of hundreds of terms on one field", area=READING)
def _(books: Any) -> Outcome:
    listed = " or ".join(f"number eq '{n}'" for n in range(10_000, 10_400))
    return code_of(books.get(f"customers?$filter={listed}"))


@row("`$filter` over a navigation: `currency/code eq 'EUR'`", area=READING, central=UNKNOWN)
def _(books: Any) -> Outcome:
    return code_of(books.get("customers?$filter=currency/code eq 'EUR'"))


@row("`any` and `all` in `$filter`", area=READING, central="the whole filter is ignored")
def _(books: Any) -> Outcome:
    return code_of(books.get("customers?$filter=defaultDimensions/any(d:d/dimensionCode eq 'X')"))


@row("`$search`, `$apply`, `$compute`", area=READING, central=UNKNOWN)
def _(books: Any) -> Outcome:
    found = {code_of(books.get(f"customers?{option}=x")) for option in ("$search", "$apply", "$compute")}
    assert len(found) == 1
    return found.pop()


@row("`$expand` with `$select`, `$filter`, `$orderby`, `$top`, `$skip`, `$count` and `$expand` inside", area=READING)
def _(books: Any) -> Outcome:
    inside = "$select=amount;$filter=amount lt 0;$orderby=amount;$top=1;$skip=0;$count=true;$expand=customer"
    return code_of(books.get(f"customerPaymentJournals?$top=2&$expand=customerPayments({inside})"))


@row("`$expand=*`", area=READING, central=UNKNOWN)
def _(books: Any) -> Outcome:
    return of_answer(books.get("customers?$top=1&$expand=*"))


@row("`$levels` inside `$expand`", area=READING, central=UNKNOWN)
def _(books: Any) -> Outcome:
    return code_of(books.get("customers?$expand=currency($levels=2)"))


@row("`$count=true`, and `/$count` with a filter", area=READING)
def _(books: Any) -> Outcome:
    assert books.get("customers/$count?$filter=number eq '10400'").text == "1"
    found = books.get("customers?$count=true&$top=1")
    assert found.json()["@odata.count"] > 1
    return code_of(found)


@row("`Prefer: odata.maxpagesize=1` with `$top=2`", area=READING)
def _(books: Any) -> Outcome:
    found = books.get("customers?$top=2", {"Prefer": "odata.maxpagesize=1"})
    rest = books.get(found.json()["@odata.nextLink"])
    return of_answer(found, two_pages="@odata.nextLink" not in rest.json() and len(rest.json()["value"]) == 1)


@row("the context URL under `$select=number`", area=READING, central=UNKNOWN)
def _(books: Any) -> Outcome:
    found = books.get("customers?$select=number&$top=1")
    return found.status_code, f"`…/{found.json()['@odata.context'].rpartition('/')[2]}`"


@row("the context URL under `$expand` alone", area=READING)
def _(books: Any) -> Outcome:
    found = books.get("customers?$expand=currency&$top=1")
    return found.status_code, f"`…/{found.json()['@odata.context'].rpartition('/')[2]}`"


@row("`odata.metadata=none` and `full`", area=READING)
def _(books: Any) -> Outcome:
    none, full = (
        books.get("customers?$top=1", {"Accept": f"application/json;odata.metadata={level}"})
        for level in ("none", "full")
    )
    assert "@odata.context" not in none.json()
    assert full.json()["value"][0]["@odata.type"] == "#Microsoft.NAV.customer"
    return code_of(full)


@row("`If-None-Match` with the tag of an entity", area=READING, central=UNKNOWN)
def _(books: Any) -> Outcome:
    made = customer(books)
    return of_answer(books.get(f"customers({made['id']})", {"If-None-Match": made["@odata.etag"]}))


@row("a tag of a list", area=READING, central=UNKNOWN)
def _(books: Any) -> Outcome:
    return of_answer(found := books.get("customers?$top=1"), none="ETag" not in found.headers)


@row("`customerSales?$filter=dateFilter le 2099-12-31`, without the suffix `_FilterOnly`", area=READING)
def _(books: Any) -> Outcome:
    return code_of(books.get("customerSales?$filter=dateFilter le 2099-12-31"))


@row("`or` over an input of a report: `agedAsOfDate`, `dateFilter`", area=READING, central=UNKNOWN)
def _(books: Any) -> Outcome:
    return code_of(books.get("trialBalances?$filter=dateFilter eq 2026-01-01 or dateFilter eq 2026-02-01"))


@row("the locale of labels and amounts in reports", area=READING, central="the server's")
def _(books: Any) -> Outcome:
    asked = "agedAsOfDate eq 2025-03-10 and name ne 'Total'"
    found = books.get(f"agedAccountsReceivables?$filter={asked}&$top=1").json()["value"][0]
    assert found["period1Label"] == "2025-02-08-2025-03-10"
    return 200, "ISO dates, `1234.50`"


# --------------------------------------------------------------------------- writing


@row("PUT that leaves out properties", area=WRITING, central="200, they stay: PUT works as PATCH")
def _(books: Any) -> Outcome:
    made = terms(books)
    changed = books.request(
        "PUT", f"paymentTerms({made['id']})", json={"code": made["code"]}, headers={"If-Match": made["@odata.etag"]}
    )
    formula = changed.json()["dueDateCalculation"]
    return of_answer(changed, they_stay=formula == "1M", they_go_to_their_defaults=formula == "")


@row("PUT of what GET gave, read-only properties included", area=WRITING, central=UNKNOWN)
def _(books: Any) -> Outcome:
    made = customer(books)
    return code_of(books.request("PUT", f"customers({made['id']})", json=made, headers={"If-Match": "*"}))


@row(
    "PUT or PATCH customerPayments({id}) with an id that is not there, without `If-Match`",
    area=WRITING,
    central=UNKNOWN,
)
def _(books: Any) -> Outcome:
    body = {"journalId": books.new_journal(), "customerNumber": "10400", "amount": -1, "documentNumber": "U1"}
    found = [books.request(verb, f"customerPayments({uuid.uuid4()})", json=body) for verb in ("PUT", "PATCH")]
    assert code_of(found[0]) == code_of(found[1])
    return of_answer(found[0], created=True)


@row('`"currency@odata.bind": "currencies({id})"`', area=WRITING, central=UNKNOWN)
def _(books: Any) -> Outcome:
    currency = books.get("currencies?$top=1").json()["value"][0]["id"]
    made = books.post("customers", {"displayName": "x", "currency@odata.bind": f"currencies({currency})"})
    return of_answer(made, currencyId_is_set=made.status_code == 201 and made.json()["currencyId"] == currency)


@row("a deep insert: a journal with payments with dimensions", area=WRITING)
def _(books: Any) -> Outcome:
    payment = {"customerNumber": customer(books)["number"], "amount": -1, "documentNumber": "D1"}
    code = "K" + uuid.uuid4().hex[:8].upper()
    body = {"code": code, "displayName": "x", "customerPayments": [{**payment, "dimensionSetLines": []}]}
    return code_of(books.post("customerPaymentJournals", body))


@row("a deep change: nested entities in a PATCH", area=WRITING, central="not supported")
def _(books: Any) -> Outcome:
    return code_of(books.patch(f"customerPaymentJournals({books.new_journal()})", {"customerPayments": []}))


@row("PATCH without `If-Match`", area=WRITING)
def _(books: Any) -> Outcome:
    return code_of(books.patch(f"customers({customer(books)['id']})", {"city": "x"}, None))


@row("PATCH, DELETE or an action with an old tag", area=WRITING)
def _(books: Any) -> Outcome:
    made = customer(books)
    at = f"customers({made['id']})"
    assert books.patch(at, {"city": "x"}, made["@odata.etag"]).status_code == 200
    assert books.delete(at, made["@odata.etag"]).status_code == 409
    return code_of(books.patch(at, {"city": "y"}, made["@odata.etag"]))


@row("DELETE without `If-Match`", area=WRITING)
def _(books: Any) -> Outcome:
    return of_answer(books.delete(f"customers({customer(books)['id']})"))


@row("`Prefer: return=minimal`", area=WRITING, central=UNKNOWN)
def _(books: Any) -> Outcome:
    return of_answer(books.post("customers", {"displayName": "x"}, {"Prefer": "return=minimal"}))


@row("a read-only property in a POST", area=WRITING)
def _(books: Any) -> Outcome:
    return code_of(books.post("customers", {"displayName": "x", "balanceDue": 1}))


@row("the entity's own `id` in a PATCH, `null` for a text", area=WRITING)
def _(books: Any) -> Outcome:
    made = customer(books)
    return code_of(books.patch(f"customers({made['id']})", {"id": made["id"], "city": None}))


@row('an enum member decoded: `"blocked": " "`', area=WRITING)
def _(books: Any) -> Outcome:
    made = customer(books, blocked=" ")
    return 201, f"`{made['blocked']}` comes back"


@row("a bound action in any letter case", area=WRITING)
def _(books: Any) -> Outcome:
    journal = books.new_journal(balanced=True)
    body = {"customerNumber": "10400", "amount": -1, "documentNumber": "B" + uuid.uuid4().hex[:8].upper()}
    assert books.post(f"customerPaymentJournals({journal})/customerPayments", body).status_code == 201
    return of_answer(books.post(f"journals({journal})/microsoft.nav.POST"))


@row("a verb that a set does not take: POST companies", area=WRITING)
def _(books: Any) -> Outcome:
    return code_of(books.request("POST", f"{books.root}/companies", json={}))


# --------------------------------------------------------------------------- $batch


def batch(books: Any, parts: list[dict[str, Any]], **headers: str) -> Any:
    sent = {"CompanyId": books.company_id, **headers}
    return books.request("POST", f"{books.root}/$batch", json={"requests": parts}, headers=sent)


def told(answer: Any) -> str:
    return ", ".join(
        f"`{part['id']}` {part['status']}".replace("None", "null") for part in answer.json()["responses"]
    )


GOOD = {"method": "POST", "url": "customers", "body": {"displayName": "In a batch"}}
BAD = {"method": "POST", "url": "customers", "body": {"displayName": 1}}


@row("requests with and without ids, the second fails", area=BATCHES)
def _(books: Any) -> Outcome:
    answer = batch(books, [{"id": "1", **GOOD}, BAD, {"id": "3", **GOOD}])
    return answer.status_code, told(answer)


@row("the same with `Prefer: odata.continue-on-error`", area=BATCHES)
def _(books: Any) -> Outcome:
    answer = batch(books, [{"id": "1", **GOOD}, BAD, {"id": "3", **GOOD}], Prefer="odata.continue-on-error")
    return answer.status_code, told(answer)


@row("`Isolation: snapshot`, the second of three fails: nothing is kept", area=BATCHES)
def _(books: Any) -> Outcome:
    name = uuid.uuid4().hex
    good = {**GOOD, "body": {"displayName": name}}
    answer = batch(books, [{"id": "1", **good}, {"id": "2", **BAD}, {"id": "3", **good}], Isolation="snapshot")
    assert books.get(f"customers/$count?$filter=displayName eq '{name}'").text == "0"
    return answer.status_code, told(answer)


@row("an `atomicityGroup`, the second of two fails: nothing is kept", area=BATCHES, central=UNKNOWN)
def _(books: Any) -> Outcome:
    answer = batch(books, [{"id": "1", "atomicityGroup": "g", **GOOD}, {"id": "2", "atomicityGroup": "g", **BAD}])
    return answer.status_code, told(answer)


@row("`$1/…` in an address, `dependsOn`, `If-Match` in a part", area=BATCHES)
def _(books: Any) -> Outcome:
    change = {"method": "PATCH", "url": "$1", "headers": {"If-Match": "*"}, "body": {"city": "x"}, "dependsOn": ["1"]}
    answer = batch(books, [{"id": "1", **GOOD}, {"id": "2", **change}])
    return answer.status_code, told(answer)


@row("the multipart form with a change set, `Accept: application/json`", area=BATCHES)
def _(books: Any) -> Outcome:
    inner = (
        '--c\nContent-Type: application/http\nContent-ID: 1\n\nPOST customers HTTP/1.1\n\n{"displayName":"x"}\n--c--'
    )
    body = f"--b\nContent-Type: multipart/mixed; boundary=c\n\n{inner}\n--b--"
    headers = {
        "Content-Type": "multipart/mixed; boundary=b", "Accept": "application/json", "CompanyId": books.company_id,
    }  # fmt: skip
    answer = books.request("POST", f"{books.root}/$batch", data=body.encode(), headers=headers)
    assert "atomicityGroup" in answer.json()["responses"][0]
    return answer.status_code, f"as JSON: {told(answer)}"


@row("more than 100 requests", area=BATCHES, central="500, the code is not known")
def _(books: Any) -> Outcome:
    return code_of(batch(books, [{"method": "GET", "url": "companies"}] * 101))


# --------------------------------------------------------------------------- headers


@row("`Data-Access-Intent: ReadOnly`", area=HEADERS)
def _(books: Any) -> Outcome:
    return code_of(books.get("customers?$top=1", {"Data-Access-Intent": "ReadOnly"}))


@row("`Data-Access-Intent: nonsense`", area=HEADERS, central=UNKNOWN)
def _(books: Any) -> Outcome:
    return code_of(books.get("customers?$top=1", {"Data-Access-Intent": "nonsense"}))


@row("`Prefer: respond-async`", area=HEADERS, central=UNKNOWN)
def _(books: Any) -> Outcome:
    made = books.post("customers", {"displayName": "x"}, {"Prefer": "respond-async"})
    return of_answer(made, ignored="Preference-Applied" not in made.headers)


@row("HEAD", area=HEADERS, central=UNKNOWN)
def _(books: Any) -> Outcome:
    return books.request("HEAD", "customers?$top=1").status_code, ""


@row("OPTIONS", area=HEADERS, central=UNKNOWN)
def _(books: Any) -> Outcome:
    return books.request("OPTIONS", "customers").status_code, ""


@row("content of the PDF of a credit memo's draft", area=READING)
def _(books: Any) -> Outcome:
    memo = books.post("salesCreditMemos", {"customerNumber": "10400"}).json()
    answer = books.get(f"salesCreditMemos({memo['id']})/pdfDocument/pdfDocumentContent")
    return (200, "a watermark says DRAFT") if answer.status_code == 200 else code_of(answer)


@row("`$expand` of what debitor does not keep (picture, itemVariants)", area=READING, central="200, what there is")
def _(books: Any) -> Outcome:
    found = books.get("items?$top=1&$expand=picture,itemVariants")
    return found.status_code, "null or empty" if found.json()["value"][0]["itemVariants"] == [] else ""


@row("GET entityDefinitions", area=READING)
def _(books: Any) -> Outcome:
    return code_of(books.request("GET", f"{books.root}/entityDefinitions"))
