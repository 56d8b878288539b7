"""Which commands the bot knows: one table for its help, its menu and the docs."""

from __future__ import annotations

from typing import Final

USAGE: Final = (
    ("/status", "how the shop fares: alarms, what waits, networks"),
    ("/api_audit", "the last 50 acts of operators"),
    ("/keys [PAGE]", "customers' keys with balance and last use"),
    ("/mint NAME", "a new key, shown once; in a private chat only"),
    ("/credit FP AMOUNT REASON", "credit a key's account; with a minus, debit it"),
    ("/deposits [PAGE]", "deposits that matched nothing, with buttons"),
    ("/credit_deposit N FP REASON", "credit such a deposit to a key, after a confirmation"),
    ("/order N", "an order and its webhooks"),
    ("/website N", "a website order: where it is paid, what is owed back"),
    ("/cancel N REASON", "call an order off, after a confirmation"),
    ("/help", "this list"),
)


def usage_of(command: str) -> str:
    """How it is said."""
    return next(usage for usage, _ in USAGE if usage.split()[0] == f"/{command}")
