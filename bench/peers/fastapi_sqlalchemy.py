"""The same POST, GET and list by FastAPI, SQLAlchemy's ORM (async) and aiosqlite, as their tutorials have it.

    python -m venv /tmp/peer && /tmp/peer/bin/pip install fastapi sqlalchemy aiosqlite uvicorn uvloop httptools
    /tmp/peer/bin/python bench/peers/fastapi_sqlalchemy.py PORT DATABASE

Same table, WAL, synchronous=FULL. No authentication, no journal, no change log: less work than debitor's.
"""

from __future__ import annotations

import datetime
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Annotated, Any

import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Query
from pydantic import BaseModel, ConfigDict
from sqlalchemy import Index, Numeric, event, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

PORT, DATABASE = int(sys.argv[1]), sys.argv[2]
engine = create_async_engine(f"sqlite+aiosqlite:///{DATABASE}")
sessions = async_sessionmaker(engine, expire_on_commit=False)


@event.listens_for(engine.sync_engine, "connect")
def durable(connection: Any, _record: Any) -> None:
    """The same durability as debitor."""
    cursor = connection.cursor()
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "busy_timeout = 30000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


class Base(DeclarativeBase):
    """The tables."""


class PaymentRow(Base):
    """A payment."""

    __tablename__ = "payment"
    __table_args__ = (Index("payment_customer", "customer_number", "posting_date"),)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    customer_number: Mapped[str]
    posting_date: Mapped[datetime.date]
    document_number: Mapped[str]
    amount: Mapped[Decimal] = mapped_column(Numeric(18, 2))
    invoice: Mapped[str]
    description: Mapped[str]


class PaymentIn(BaseModel):
    """The body of a POST."""

    customerNumber: str
    postingDate: datetime.date
    documentNumber: str
    amount: Decimal
    appliesToInvoiceNumber: str = ""
    description: str = ""


class PaymentOut(PaymentIn):
    """The answer."""

    model_config = ConfigDict(from_attributes=True)
    id: uuid.UUID


def shown(row: PaymentRow) -> PaymentOut:
    """A row as its answer."""
    return PaymentOut(
        id=row.id,
        customerNumber=row.customer_number,
        postingDate=row.posting_date,
        documentNumber=row.document_number,
        amount=row.amount,
        appliesToInvoiceNumber=row.invoice,
        description=row.description,
    )


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    """Make the table."""
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield


async def session() -> AsyncIterator[AsyncSession]:
    """A session for a request."""
    async with sessions() as made:
        yield made


app = FastAPI(lifespan=lifespan)
Session = Annotated[AsyncSession, Depends(session)]


@app.post("/customerPayments", status_code=201)
async def create(body: PaymentIn, tx: Session) -> PaymentOut:
    """Create a payment."""
    row = PaymentRow(
        customer_number=body.customerNumber,
        posting_date=body.postingDate,
        document_number=body.documentNumber,
        amount=body.amount,
        invoice=body.appliesToInvoiceNumber,
        description=body.description,
    )
    tx.add(row)
    await tx.commit()
    return shown(row)


@app.get("/customerPayments/{id}")
async def read(id: uuid.UUID, tx: Session) -> PaymentOut:
    """Read a payment."""
    row = await tx.get(PaymentRow, id)
    if row is None:
        raise HTTPException(404)
    return shown(row)


@app.get("/customerPayments")
async def listed(tx: Session, customer: str, top: Annotated[int, Query(le=1000)] = 20) -> list[PaymentOut]:
    """The latest payments of a customer."""
    asked = (
        select(PaymentRow)
        .where(PaymentRow.customer_number == customer)
        .order_by(PaymentRow.posting_date.desc())
        .limit(top)
    )
    return [shown(row) for row in (await tx.scalars(asked)).all()]


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="warning", access_log=False)
