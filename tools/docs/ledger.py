"""The T-accounts: one transfer of each kind, made by the domain and written out."""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from tools.docs.markdown import code
from tools.docs.markdown import table as markdown_table

from ytmarket.domain import ledger
from ytmarket.domain.chart import LedgerAccount, TransferKind
from ytmarket.domain.ids import AccountId, DepositId, OrderId
from ytmarket.domain.ledger import Transfer
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network

SAMPLES: Final[Mapping[str, Any]] = {
    "account": AccountId(1),
    "amount": Usdt.of(100),
    "at": datetime(2026, 5, 23, 12, tzinfo=UTC),
    "deposit": DepositId(7),
    "network": Network.TRON,
    "order": OrderId(789),
    "price": Usdt.of("12.34"),
    "reason": "agreed by telephone",
    "ref": "ticket-42",
}
"""A value for each parameter of a transfer's maker: add one here when a maker gains a new one."""

VARIANTS: Final[Mapping[str, Sequence[Mapping[str, Any]]]] = {
    "adjustment": ({}, {"amount": Usdt.of(-5)}),
    "marketplace_returned": ({"amount": Usdt.of("12.34")},),
    "marketplace_taken": ({"amount": Usdt.of("12.34")},),
    "orphan_shortfall": ({"amount": Usdt.of("12.34")},),
    "website_refund_paid": ({"amount": Usdt.of("12.34")},),
    "order_refunded": ({"amount": Usdt.of("12.34")},),
    "order_settled": ({"amount": Usdt.of("12.34")},),
    "website_payment": ({"amount": Usdt.of("12.34")},),
    "website_refund_owed": ({"amount": Usdt.of("12.34")},),
}

# What a debit and a credit mean for each kind of account, as the chart tells it.
MEANING: Final[Mapping[str, tuple[str, str]]] = {
    "wallet": ("we hold more", "we hold less"),
    "customer": ("we owe the customer less", "we owe the customer more"),
    "unmatched": ("less waits for its owner", "more waits for its owner"),
    "escrow": ("less is held for orders", "more is held for orders"),
    "sales": ("we earned less", "we earned more"),
    "refunds_payable": ("fewer refunds wait to be paid out", "more refunds wait to be paid out"),
    "adjustments": ("more was given by hand", "more was taken by hand"),
}


def accounts() -> str:
    """A heading and a T-account for each kind of transfer, and the kinds that nothing makes yet."""
    made = [(maker, list(_examples(maker))) for maker in makers()]
    sections = [_section(maker, examples) for maker, examples in made]
    idle = sorted(set(TransferKind) - {transfer.kind for _, examples in made for transfer in examples})
    if idle:
        sections.append(
            "### Named and not made yet\n\n"
            "The chart names these kinds too; no transfer of them is made so far:\n"
            f"{', '.join(map(code, idle))}."
        )
    return "\n\n".join(sections)


def makers() -> list[Callable[..., Transfer]]:
    """The functions of the ledger that make a transfer, in the order of their file."""
    return [
        function
        for function in vars(ledger).values()
        if inspect.isfunction(function) and inspect.signature(function).return_annotation == Transfer.__name__
    ]


def _examples(maker: Callable[..., Transfer]) -> Iterator[Transfer]:
    names = inspect.signature(maker).parameters
    for changes in VARIANTS.get(maker.__name__, ({},)):
        yield maker(**{name: changes.get(name, SAMPLES[name]) for name in names})


def _section(maker: Callable[..., Transfer], examples: Sequence[Transfer]) -> str:
    parts = [f"### `{examples[0].kind}`", f"{inspect.getdoc(maker)}\n{_once(examples[0])}"]
    parts += [_t_account(transfer) for transfer in examples]
    return "\n\n".join(parts)


def _once(transfer: Transfer) -> str:
    for name, number in (("deposit", transfer.deposit_id), ("order", transfer.order_id)):
        if number is not None and transfer.ref == str(number):
            return f"Once for each {name}: its `ref` is the {name}'s number."
    return "Once for each `ref`, which whoever asks for it chooses."


def _t_account(transfer: Transfer) -> str:
    rows = [
        (code(transfer.debit), str(transfer.amount), "", _meaning(transfer.debit, 0)),
        (code(transfer.credit), "", str(transfer.amount), _meaning(transfer.credit, 1)),
    ]
    return markdown_table(["Account", "Debit", "Credit", "Hence"], rows, right=[1, 2])


def _meaning(account: LedgerAccount, side: int) -> str:
    return MEANING[account.partition(":")[0]][side]
