"""Documents that customers get, as PDF: invoices, credit memos, statements. Pure: plain data in, bytes out."""
