"""Tops up and buys with a key that signs: a client in Python with requests."""

import hashlib
import hmac
import json
import os
import time
from typing import Any

import requests

SHOP, KEY, SECRET = os.environ["SHOP"], os.environ["KEY"], os.environ["SECRET"]


def post(path: str, told: dict[str, object]) -> Any:
    """Sign the very bytes that are sent: the timestamp, a newline, the body."""
    body = json.dumps(told)
    timestamp = str(int(time.time()))
    signed = f"{timestamp}\n{body}".encode()
    headers = {
        "X-API-Key": KEY,
        "Content-Type": "application/json",
        "X-Timestamp": timestamp,
        "X-Signature": hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest(),
    }
    answer = requests.post(f"{SHOP}{path}", data=body, headers=headers, timeout=10)
    answer.raise_for_status()
    return answer.json()


topup = post("/balance/topup", {"amount_usdt": "48.50", "network": "usdt_polygon"})
print(f"Send {topup['amount_usdt']} USDT to {topup['payment_address']}")
order = post(
    "/orders", {"product_id": int(os.environ["PRODUCT"]), "quantity": 1, "payment_method": "balance"}
)
print(json.dumps(order))
