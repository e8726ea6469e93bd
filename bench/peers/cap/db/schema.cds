namespace peer;

entity Journals {
  key ID : UUID;
  code : String(10);
  customerPayments : Composition of many CustomerPayments on customerPayments.journal = $self;
}

entity CustomerPayments {
  key ID : UUID;
  journal : Association to Journals;
  customerNumber : String(20);
  postingDate : Date;
  documentNumber : String(20);
  amount : Decimal(18, 2);
  appliesToInvoiceNumber : String(20);
  description : String(100);
}
