"""What the bot says, as HTML that fits into messages; whatever comes from outside is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from html import escape
from typing import Final

from ytmarket.adapters.telegram.usage import USAGE
from ytmarket.application.api_keys import Adjusted, MintedKey
from ytmarket.application.deposit_desk import WaitingDeposit
from ytmarket.application.ports.networks import NetworkState
from ytmarket.application.ports.queries import EventView
from ytmarket.application.ports.watching import Waiting
from ytmarket.application.watching import ShopState
from ytmarket.application.website import WebsiteOrder
from ytmarket.domain.alarms import RungAlarm
from ytmarket.domain.api_keys import KeySummary
from ytmarket.domain.audit import AuditRow
from ytmarket.domain.deposits import DepositRecord
from ytmarket.domain.errors import ShopError
from ytmarket.domain.orders import Order

MESSAGE_CHARS_MAX: Final = 4_000  # Telegram takes 4,096 after its own reading of the entities
WORD_CHARS_MAX: Final = 200
NOTICE_CHARS_MAX: Final = 200  # what a pressed button may answer


def esc(value: object, chars_max: int = WORD_CHARS_MAX) -> str:
    """Harmless in HTML, on one line and not too long."""
    text = " ".join(plain(str(value)).split())
    return escape(text if len(text) <= chars_max else f"{text[: chars_max - 1]}…")


def plain(text: str) -> str:
    """Without characters that nobody sees, which no table takes either."""
    return "".join(char if char.isprintable() else " " for char in text).strip()


def moment(at: datetime | None) -> str:
    """A time, in UTC."""
    return "never" if at is None else at.strftime("%Y-%m-%d %H:%M:%S")


def messages(lines: Iterable[str]) -> Iterator[str]:
    """The lines put together into as few messages as will hold them; each line is whole in itself."""
    gathered: list[str] = []
    size = 0
    for line in lines:
        if gathered and size + len(line) + 1 > MESSAGE_CHARS_MAX:
            yield "\n".join(gathered)
            gathered, size = [], 0
        gathered.append(line)
        size += len(line) + 1
    if gathered:
        yield "\n".join(gathered)


def help_text() -> str:
    """Every command with what it does."""
    lines = [f"<code>{esc(command)}</code> {esc(meaning)}" for command, meaning in USAGE]
    return "\n".join(["<b>The shop's operators can say:</b>", *lines])


def refusal_text(refusal: ShopError) -> str:
    """Why not, with what is needed to go on."""
    return esc(refusal.in_full())


def status_lines(state: ShopState) -> list[str]:
    """How the shop fares; what is well is told in few words."""
    alarms = [
        f"🔔 <b>{esc(rung.alarm.kind)}</b> {esc(rung.alarm.subject)}: {esc(rung.alarm.detail)}"
        for rung in state.alarms
    ]
    figures = state.figures
    waiting = {
        **{f"orders {name}": queue for name, queue in sorted(figures.orders_open.items())},
        **{f"refunds of {name} orders": queue for name, queue in sorted(figures.refunds_due.items())},
        "webhooks": figures.outbox,
        "unmatched deposits": figures.unmatched,
    }
    return [
        *(alarms or ["✅ No alarm rings."]),
        *(_waiting(name, queue, state.at) for name, queue in waiting.items() if queue.count),
        *(_network(network, state.at) for network in state.networks),
        f"{moment(state.at)} UTC",
    ]


def _waiting(name: str, queue: Waiting, now: datetime) -> str:
    return f"{esc(name)}: <b>{queue.count}</b>, the first for {_seconds(queue.age_at(now))}"


def _network(state: NetworkState, now: datetime) -> str:
    behind = "not read yet" if state.read_until is None else f"{_seconds(now - state.read_until)} behind"
    stopped = ", <b>stopped</b>" if state.stopped else ""
    return f"{esc(state.network)}: {behind}{stopped}{f'; {esc(state.trouble)}' if state.trouble else ''}"


def _seconds(span: timedelta) -> str:
    return f"{max(span, timedelta(0)) // timedelta(seconds=1)} s"


def audit_line(row: AuditRow) -> str:
    """One act."""
    entry = row.entry
    details = ", ".join(f"{name}: {value}" for name, value in entry.details.items())
    head = f"<b>{row.number}</b> {moment(entry.at)} {esc(entry.actor)} <b>{esc(entry.action)}</b>"
    return f"{head} {esc(entry.target)} {esc(details)}".rstrip()


def key_line(summary: KeySummary) -> str:
    """A key with its balance and last use."""
    key = summary.key
    state = f"revoked {moment(key.revoked_at)}" if key.revoked_at else f"used {moment(summary.last_used_at)}"
    return f"<code>{esc(key.fp)}</code> {esc(key.label)}: <b>{summary.balance}</b> USDT, {state}"


def minted_text(minted: MintedKey) -> str:
    """Key and secret, hidden until they are touched."""
    lines = [f"A key for {esc(minted.record.label)}, <code>{esc(minted.record.fp)}</code>. Shown only here:"]
    lines.append(f"key <tg-spoiler>{esc(minted.key)}</tg-spoiler>")
    if minted.secret is not None:
        lines.append(f"secret <tg-spoiler>{esc(minted.secret)}</tg-spoiler>")
    return "\n".join([*lines, "This message is deleted in ten minutes; delete it as soon as both are kept."])


def render_minted(minted: MintedKey) -> bytes:
    """What is kept of a mint: no secret."""
    fp = esc(minted.record.fp)
    told = (
        f"This was done before: key <code>{fp}</code>. If its key did not reach you, nobody has seen it:"
        f" <code>ytmarket keys replace {fp}</code> gives the account another."
    )
    return told.encode()


def render_adjusted(adjusted: Adjusted) -> bytes:
    """What came of a credit by hand."""
    told = f"{adjusted.amount} USDT for <code>{esc(adjusted.fp)}</code>"
    return f"{told}; the balance is <b>{adjusted.totals.balance}</b> USDT.".encode()


def render_deposit(record: DepositRecord) -> bytes:
    """What became of a deposit."""
    told = f"Deposit {record.id}, <b>{record.deposit.amount}</b> USDT, is {record.status}"
    settled = f"; top-up {esc(record.topup_id)} is settled" if record.topup_id else ""
    paid = f"; order {record.order_id} is paid" if record.order_id else ""
    return f"{told}{settled}{paid}.".encode()


def render_cancelled(order: Order) -> bytes:
    """What became of an order that was called off."""
    return f"Order {order.id} is {order.status}; <b>{order.due}</b> USDT will be given back.".encode()


def deposit_line(waiting: WaitingDeposit) -> str:
    """An unmatched deposit, and what it was perhaps meant for."""
    record, deposit = waiting.record, waiting.record.deposit
    line = (
        f"<b>{record.id}</b> {moment(deposit.at)} <b>{deposit.amount}</b> on {deposit.network},"
        f" {record.reason or record.status}, tx <code>{esc(deposit.tx_hash)}</code>"
    )
    if record.candidate_order_id is not None:
        return f"{line}; perhaps for order {record.candidate_order_id}, off by {record.distance}"
    if waiting.candidate_fp is not None:
        return f"{line}; perhaps for <code>{esc(waiting.candidate_fp)}</code>, off by {record.distance}"
    return line


def order_lines(order: Order, events: Sequence[EventView] = ()) -> list[str]:
    """An order and what happened to it; what was delivered is not shown."""
    whose = "" if order.account_id is None else f" of account {order.account_id}"
    lines = [
        f"Order <b>{order.id}</b> ({order.channel}){whose}: <b>{order.status}</b>",
        (
            f"{order.quantity} of product {order.product_id} for <b>{order.price}</b> USDT,"
            f" {order.delivered} delivered, placed {moment(order.created_at)}"
        ),
        f"refund {order.refund}: {order.refunded} given back, {order.due} due",
    ]
    if order.error_message:
        lines.append(esc(order.error_message))
    for view in events:
        event, status = view.event, "" if view.last_status is None else f", answered {view.last_status}"
        head = f"{esc(event.id)} {moment(event.at)} {esc(event.status)}"
        lines.append(f"{head}: webhook {view.delivery}, {view.attempts} attempts{status}")
    return lines


def website_lines(found: WebsiteOrder) -> list[str]:
    """A website order with where it is to be paid and what is owed back."""
    checkout = found.checkout
    lines = [
        *order_lines(found.order),
        (
            f"to be paid on {checkout.network} to <code>{esc(checkout.address)}</code>"
            f" until {moment(checkout.expires_at)}; <b>{found.order.charged}</b> arrived"
        ),
    ]
    if checkout.refund_tx_hash is not None:
        lines.append(f"paid back in <code>{esc(checkout.refund_tx_hash)}</code>")
    elif found.order.is_refunded:
        lines.append(f"<b>{found.order.refunded}</b> USDT are owed to the buyer")
    return lines


def alarm_text(rung: RungAlarm) -> str:
    """An alarm that rings, or one that has ended."""
    alarm = rung.alarm
    kind, subject = esc(alarm.kind.replace("_", " ")), esc(alarm.subject)
    if rung.ended_at is not None:
        return f"✅ <b>{kind}</b>: {subject}. It is over since {moment(rung.ended_at)}."
    return f"🔔 <b>{kind}</b>: {subject}, since {moment(rung.rung_at)}.\n{esc(alarm.detail, 1_000)}"
