"""A shop that tells customers about their orders, in the transaction in which the orders arrive.

    pip install ./models 'psycopg[binary]'
    python shop.py postgresql+psycopg://user:password@host/name

The database has Bulkpost's tables already (`bulkpost db upgrade`).
"""

import sys
from collections.abc import Iterator

from bulkpost import NotEnded, Recipient, Sms, enqueue_campaign, report, results, wait_until_ended
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session, sessionmaker

from models import Base, Customer, Order

ARRIVED = Sms(sender="Shop", text="Hello {name}, your order {order} is here")


def receive(session: Session, order_ids: list[int]) -> int:
    """Note that orders have arrived and tell whose they are; both happen when the caller commits, or neither."""
    orders = session.execute(
        select(Order, Customer).join(Customer, Customer.id == Order.customer_id).where(Order.id.in_(order_ids))
    ).all()
    for row in orders:
        row.Order.has_arrived = True

    def recipients() -> Iterator[Recipient]:
        for order, customer in orders:
            yield Recipient(
                phone=customer.phone,
                variables={"name": customer.name, "order": str(order.id)},
                ref=f"order {order.id}",
                client_key=str(order.id),  # at most one message for an order, whatever happens
            )

    key = f"arrived-{min(order_ids)}-{max(order_ids)}"  # asked again, this is the same campaign
    return enqueue_campaign(session, content=ARRIVED, recipients=recipients(), key=key)


def main(database_url: str) -> None:
    """Sell two things, receive them, and show what became of the messages."""
    engine = create_engine(database_url)
    Base.metadata.create_all(engine)
    sessions = sessionmaker(engine)
    with sessions.begin() as session:
        session.add_all([Customer(id=1, name="Anna", phone="79031234567"), Customer(id=2, name="Boris", phone="12")])
        session.flush()
        session.add_all([Order(id=1001, customer_id=1), Order(id=1002, customer_id=2)])
    with sessions.begin() as session:
        campaign_id = receive(session, [1001, 1002])
    with sessions.begin() as session:
        print("asked again:", "the same" if receive(session, [1001, 1002]) == campaign_id else "another")
    with sessions() as session:
        print("total:", report(session, campaign_id)["counts"]["total"])
        for row in results(session, campaign_id):
            print(f"{row.ref}: {row.status}", row.reason or f"under {row.client_id_sms}", sep=", ")
    try:
        print("ended:", wait_until_ended(sessions, campaign_id, timeout_seconds=0)["status"])
    except NotEnded as error:
        print(error)
    engine.dispose()


if __name__ == "__main__":
    main(sys.argv[1])
