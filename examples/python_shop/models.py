"""The shop's own tables. Bulkpost's begin with `bulkpost_` and lie beside them in the same database."""

from sqlalchemy import ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """Base of the shop's tables."""


class Customer(Base):
    """Somebody who has left a number, as 8 to 14 digits with the country code."""

    __tablename__ = "customers"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    phone: Mapped[str]


class Order(Base):
    """Something a customer has bought."""

    __tablename__ = "orders"

    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    has_arrived: Mapped[bool] = mapped_column(default=False)
