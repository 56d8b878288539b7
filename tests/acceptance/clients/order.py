"""Buys the first product from one USDT up, and waits for it: a client in Python with requests."""

import json
import os
import time
import uuid

import requests

SHOP = os.environ["SHOP"]
PAUSE_SECONDS = float(os.environ.get("PAUSE_SECONDS", "5"))

session = requests.Session()
session.headers["X-API-Key"] = os.environ["KEY"]

product = session.get(f"{SHOP}/products", params={"min_price": 1, "page_size": 5}, timeout=10).json()[
    "items"
][0]
print(f"{product['title']} costs {product['price_usdt']} USDT")
print("I have", session.get(f"{SHOP}/balance", timeout=10).json()["balance_usdt"], "USDT")

# With an Idempotency-Key a request can be sent again after a time-out, and is one order all the same.
answer = session.post(
    f"{SHOP}/orders",
    json={"product_id": product["id"], "quantity": product["min_quantity"], "payment_method": "balance"},
    headers={"Idempotency-Key": str(uuid.uuid4())},
    timeout=10,
)
answer.raise_for_status()
order = answer.json()
while order["status"] == "processing":
    time.sleep(PAUSE_SECONDS)
    order = session.get(f"{SHOP}/orders/{order['order_id']}", timeout=10).json()
print(json.dumps(order))
