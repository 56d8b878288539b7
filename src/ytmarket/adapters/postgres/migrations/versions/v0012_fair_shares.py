"""Webhooks are shared out by the receiver that a URL names, orders by when they were asked about last."""

from __future__ import annotations

from alembic import op

from ytmarket.adapters.postgres.migrations.running import run
from ytmarket.domain.webhooks import receiver_of

revision = "0012"
down_revision = "0011"

URLS = "select distinct webhook_url from orders where webhook_url is not null"
KEEP = """
    update orders set receiver = known.receiver
    from unnest(%s::text[], %s::text[]) as known (url, receiver) where orders.webhook_url = known.url
"""
PROMISE = """
    alter table orders add constraint order_receiver check ((webhook_url is null) = (receiver is null))
"""


def upgrade() -> None:
    """Write down the receiver of every order there is: SQL does not know how hosts are spelled."""
    run("0012_fair_shares.sql")
    connection = op.get_bind()
    urls = list(connection.exec_driver_sql(URLS).scalars())
    if urls:
        connection.exec_driver_sql(KEEP, (urls, [receiver_of(url) for url in urls]))
    connection.exec_driver_sql(PROMISE)
