-- Version 2. Invoices and credit memos share the names of their columns.
ALTER TABLE sales_invoice RENAME COLUMN invoice_date TO document_date;
