"""The words and the number and date forms of a document, by the language of the customer's country."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

Language = str
"""`en`, `de` or `fr`."""

_LANGUAGES = {"DE": "de", "AT": "de", "CH": "de", "LI": "de", "FR": "fr", "BE": "fr", "LU": "fr", "MC": "fr"}

_ENGLISH = {
    "invoice": "Invoice",
    "credit_memo": "Credit memo",
    "statement": "Statement of account",
    "draft": "DRAFT",
    "number": "Number",
    "date": "Date",
    "due_date": "Due date",
    "customer_number": "Customer no.",
    "your_reference": "Your reference",
    "external_number": "Your document no.",
    "order_number": "Order no.",
    "corrects": "Corrects invoice",
    "payment_terms": "Payment terms",
    "payment_method": "Payment method",
    "shipment_method": "Shipment method",
    "salesperson": "Your contact",
    "customer_tax_number": "Your tax no.",
    "ship_to": "Delivery address",
    "item": "No.",
    "description": "Description",
    "quantity": "Quantity",
    "unit_price": "Unit price",
    "unit_price_with_tax": "Unit price incl. tax",
    "discount": "Discount",
    "tax": "Tax",
    "amount": "Amount",
    "subtotal": "Subtotal",
    "invoice_discount": "Invoice discount",
    "total_without_tax": "Total excluding tax",
    "tax_of": "Tax {percent} on {base}",
    "total": "Total {currency}",
    "paid": "Paid or applied",
    "to_pay": "To be paid {currency}",
    "please_pay": "Please pay {amount} by {date}, quoting {number}.",
    "early": "If you pay by {date}, you may deduct {percent} ({amount}).",
    "credited": "This amount is credited to your account.",
    "iban": "IBAN",
    "account": "Account",
    "tax_number": "Tax no.",
    "phone": "Phone",
    "page": "Page {page} of {pages}",
    "period": "{start} to {end}",
    "as_of": "As of",
    "currency": "Currency",
    "document": "Document",
    "debit": "Debit",
    "credit": "Credit",
    "balance": "Balance",
    "brought_forward": "Balance brought forward",
    "open_entries": "Open entries",
    "activity": "Activity",
    "remaining": "Remaining",
    "original": "Original",
    "no_open": "There are no open entries.",
    "no_activity": "There was no activity.",
    "not_due": "Not due",
    "days": "{start} to {end} days",
    "over_days": "more than {start} days",
    "ageing": "Overdue",
    "balance_at_end": "Balance {currency}",
    "mail_subject": "{document} {number} from {sender}",
    "mail_text": "Dear customer,\n\nplease find attached our {document} {number}.\n\nKind regards\n{sender}",
    "cancelled_subject": "Cancellation of {document} {number} from {sender}",
    "cancelled_text": "Dear customer,\n\nour {document} {number} has been cancelled. "
    "The document that cancels it is attached.\n\nKind regards\n{sender}",
    "Payment": "Payment",
    "Invoice": "Invoice",
    "Credit_x0020_Memo": "Credit memo",
    "Finance_x0020_Charge_x0020_Memo": "Finance charge",
    "Reminder": "Reminder",
    "Refund": "Refund",
    "_x0020_": "Entry",
    "Initial_x0020_Entry": "Entry",
    "Application": "Applied in another currency",
    "Unrealized_x0020_Loss": "Unrealized loss",
    "Unrealized_x0020_Gain": "Unrealized gain",
    "Realized_x0020_Loss": "Exchange loss",
    "Realized_x0020_Gain": "Exchange gain",
    "Payment_x0020_Discount": "Payment discount",
    "Appln_x002E__x0020_Rounding": "Rounding",
    "Correction_x0020_of_x0020_Remaining_x0020_Amount": "Rounding",
    "Payment_x0020_Tolerance": "Payment tolerance",
    "Payment_x0020_Discount_x0020_Tolerance": "Late payment discount",
}
_GERMAN = {
    "invoice": "Rechnung",
    "credit_memo": "Gutschrift",
    "statement": "Kontoauszug",
    "draft": "ENTWURF",
    "number": "Nummer",
    "date": "Datum",
    "due_date": "Fällig am",
    "customer_number": "Kundennr.",
    "your_reference": "Ihr Zeichen",
    "external_number": "Ihre Belegnr.",
    "order_number": "Auftragsnr.",
    "corrects": "Korrigiert Rechnung",
    "payment_terms": "Zahlungsbedingungen",
    "payment_method": "Zahlungsart",
    "shipment_method": "Lieferbedingung",
    "salesperson": "Ihr Ansprechpartner",
    "customer_tax_number": "Ihre USt-IdNr.",
    "ship_to": "Lieferadresse",
    "item": "Nr.",
    "description": "Beschreibung",
    "quantity": "Menge",
    "unit_price": "Einzelpreis",
    "unit_price_with_tax": "Einzelpreis inkl. USt.",
    "discount": "Rabatt",
    "tax": "USt.",
    "amount": "Betrag",
    "subtotal": "Zwischensumme",
    "invoice_discount": "Rechnungsrabatt",
    "total_without_tax": "Summe netto",
    "tax_of": "USt. {percent} auf {base}",
    "total": "Gesamtbetrag {currency}",
    "paid": "Bezahlt oder ausgeglichen",
    "to_pay": "Zu zahlen {currency}",
    "please_pay": "Bitte zahlen Sie {amount} bis zum {date} mit dem Verwendungszweck {number}.",
    "early": "Bei Zahlung bis zum {date} können Sie {percent} Skonto ({amount}) abziehen.",
    "credited": "Dieser Betrag wird Ihrem Konto gutgeschrieben.",
    "iban": "IBAN",
    "account": "Konto",
    "tax_number": "USt-IdNr.",
    "phone": "Telefon",
    "page": "Seite {page} von {pages}",
    "period": "{start} bis {end}",
    "as_of": "Stand",
    "currency": "Währung",
    "document": "Beleg",
    "debit": "Soll",
    "credit": "Haben",
    "balance": "Saldo",
    "brought_forward": "Saldovortrag",
    "open_entries": "Offene Posten",
    "activity": "Bewegungen",
    "remaining": "Offen",
    "original": "Ursprünglich",
    "no_open": "Es gibt keine offenen Posten.",
    "no_activity": "Es gab keine Bewegungen.",
    "not_due": "Nicht fällig",
    "days": "{start} bis {end} Tage",
    "over_days": "über {start} Tage",
    "ageing": "Überfällig",
    "balance_at_end": "Saldo {currency}",
    "mail_subject": "{document} {number} von {sender}",
    "mail_text": "Guten Tag,\n\nim Anhang finden Sie: {document} {number}.\n\nMit freundlichen Grüßen\n{sender}",
    "cancelled_subject": "Storno: {document} {number} von {sender}",
    "cancelled_text": "Guten Tag,\n\nunser Beleg {document} {number} wurde storniert. "
    "Den Stornobeleg finden Sie im Anhang.\n\nMit freundlichen Grüßen\n{sender}",
    "Payment": "Zahlung",
    "Invoice": "Rechnung",
    "Credit_x0020_Memo": "Gutschrift",
    "Finance_x0020_Charge_x0020_Memo": "Zinsrechnung",
    "Reminder": "Mahnung",
    "Refund": "Erstattung",
    "_x0020_": "Posten",
    "Initial_x0020_Entry": "Posten",
    "Application": "Ausgleich in anderer Währung",
    "Unrealized_x0020_Loss": "Unrealisierter Kursverlust",
    "Unrealized_x0020_Gain": "Unrealisierter Kursgewinn",
    "Realized_x0020_Loss": "Kursverlust",
    "Realized_x0020_Gain": "Kursgewinn",
    "Payment_x0020_Discount": "Skonto",
    "Appln_x002E__x0020_Rounding": "Rundung",
    "Correction_x0020_of_x0020_Remaining_x0020_Amount": "Rundung",
    "Payment_x0020_Tolerance": "Zahlungstoleranz",
    "Payment_x0020_Discount_x0020_Tolerance": "Skontotoleranz",
}
_FRENCH = {
    "invoice": "Facture",
    "credit_memo": "Avoir",
    "statement": "Relevé de compte",
    "draft": "BROUILLON",
    "number": "Numéro",
    "date": "Date",
    "due_date": "Échéance",
    "customer_number": "N° client",
    "your_reference": "Votre référence",
    "external_number": "Votre n° de document",
    "order_number": "N° de commande",
    "corrects": "Corrige la facture",
    "payment_terms": "Conditions de paiement",
    "payment_method": "Mode de paiement",
    "shipment_method": "Conditions de livraison",
    "salesperson": "Votre contact",
    "customer_tax_number": "Votre n° de TVA",
    "ship_to": "Adresse de livraison",
    "item": "N°",
    "description": "Désignation",
    "quantity": "Quantité",
    "unit_price": "Prix unitaire",
    "unit_price_with_tax": "Prix unitaire TTC",
    "discount": "Remise",
    "tax": "TVA",
    "amount": "Montant",
    "subtotal": "Sous-total",
    "invoice_discount": "Remise facture",
    "total_without_tax": "Total HT",
    "tax_of": "TVA {percent} sur {base}",
    "total": "Total {currency}",
    "paid": "Payé ou lettré",
    "to_pay": "À payer {currency}",
    "please_pay": "Merci de payer {amount} avant le {date} en indiquant {number}.",
    "early": "Pour un paiement avant le {date}, vous pouvez déduire {percent} ({amount}).",
    "credited": "Ce montant est porté au crédit de votre compte.",
    "iban": "IBAN",
    "account": "Compte",
    "tax_number": "N° de TVA",
    "phone": "Téléphone",
    "page": "Page {page} sur {pages}",
    "period": "{start} au {end}",
    "as_of": "Arrêté au",
    "currency": "Devise",
    "document": "Document",
    "debit": "Débit",
    "credit": "Crédit",
    "balance": "Solde",
    "brought_forward": "Solde reporté",
    "open_entries": "Écritures ouvertes",
    "activity": "Mouvements",
    "remaining": "Restant",
    "original": "Initial",
    "no_open": "Il n'y a pas d'écritures ouvertes.",
    "no_activity": "Il n'y a pas eu de mouvements.",
    "not_due": "Non échu",
    "days": "{start} à {end} jours",
    "over_days": "plus de {start} jours",
    "ageing": "Échu",
    "balance_at_end": "Solde {currency}",
    "mail_subject": "{document} {number} de {sender}",
    "mail_text": "Bonjour,\n\nveuillez trouver ci-joint : {document} {number}.\n\nCordialement\n{sender}",
    "cancelled_subject": "Annulation : {document} {number} de {sender}",
    "cancelled_text": "Bonjour,\n\nnotre document {document} {number} a été annulé. "
    "Le document d’annulation est joint.\n\nCordialement\n{sender}",
    "Payment": "Paiement",
    "Invoice": "Facture",
    "Credit_x0020_Memo": "Avoir",
    "Finance_x0020_Charge_x0020_Memo": "Intérêts",
    "Reminder": "Relance",
    "Refund": "Remboursement",
    "_x0020_": "Écriture",
    "Initial_x0020_Entry": "Écriture",
    "Application": "Lettrage en autre devise",
    "Unrealized_x0020_Loss": "Perte latente",
    "Unrealized_x0020_Gain": "Gain latent",
    "Realized_x0020_Loss": "Perte de change",
    "Realized_x0020_Gain": "Gain de change",
    "Payment_x0020_Discount": "Escompte",
    "Appln_x002E__x0020_Rounding": "Arrondi",
    "Correction_x0020_of_x0020_Remaining_x0020_Amount": "Arrondi",
    "Payment_x0020_Tolerance": "Tolérance de paiement",
    "Payment_x0020_Discount_x0020_Tolerance": "Escompte tardif",
}
_TEXTS = {"en": _ENGLISH, "de": _GERMAN, "fr": _FRENCH}
_SEPARATORS = {"en": (",", "."), "de": (".", ","), "fr": ("\u00a0", ",")}
_DATES = {"en": "%Y-%m-%d", "de": "%d.%m.%Y", "fr": "%d/%m/%Y"}
LANGUAGES = tuple(_TEXTS)


def language_of(country: str) -> Language:
    """Return the language for a customer in this country (ISO code); English where we know no better."""
    return _LANGUAGES.get(country.upper(), "en")


@dataclass(frozen=True, slots=True)
class Words:
    """One language. `decimals` are those of the document's currency."""

    language: Language
    decimals: int = 2

    def text(self, name: str, **values: str) -> str:
        """Return a text with its values filled in. An unknown name is a bug (KeyError)."""
        return _TEXTS[self.language][name].format(**values)

    def money(self, amount: Decimal) -> str:
        """Return an amount with the currency's decimals: `1,234.50`."""
        return self._number(amount, self.decimals)

    def price(self, amount: Decimal) -> str:
        """Return a unit price: at least the currency's decimals, at most five."""
        return self._number(amount, max(self.decimals, min(5, _places(amount))))

    def quantity(self, amount: Decimal) -> str:
        """Return a quantity without trailing zeros."""
        return self._number(amount, min(5, _places(amount)))

    def percent(self, value: Decimal) -> str:
        """Return a percentage: `19 %`."""
        return self.quantity(value) + "\u00a0%"

    def day(self, day: date) -> str:
        """Return a date as people of the language write it; nothing for the blank date."""
        return "" if day == date.min else day.strftime(_DATES[self.language])

    def _number(self, amount: Decimal, places: int) -> str:
        grouping, point = _SEPARATORS[self.language]
        rounded = amount.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
        if not rounded:
            rounded = abs(rounded)
        return f"{rounded:,f}".translate({ord(","): grouping, ord("."): point})


def _places(amount: Decimal) -> int:
    exponent = amount.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
