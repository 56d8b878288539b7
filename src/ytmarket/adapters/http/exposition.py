"""How a shop fares, in Prometheus' words.

Labels are words of ours, as many as the code has: no customer, no key, no address, no text of anybody's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Final

import attrs
from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from ytmarket.adapters.http.watching import BUCKETS, RequestTally
from ytmarket.application.ports.watching import Waiting
from ytmarket.application.watching import Facts, ShopState
from ytmarket.domain.alarms import AlarmKind

SECOND: Final = timedelta(seconds=1)
PREFIX: Final = "ytmarket_"


@attrs.frozen(kw_only=True)
class Seen:
    """What one answer tells: the requests of this process, its connections, and the state of the shop.

    Without a state the database did not answer.
    """

    tally: RequestTally
    version: str
    usage_backlog: int
    pools: Facts
    state: ShopState | None


def exposition(seen: Seen) -> bytes:
    """The text of an answer."""
    registry = CollectorRegistry(auto_describe=False)
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    registry.register(_Shop(seen))
    return generate_latest(registry)


@attrs.frozen(eq=False)  # a registry tells its collectors apart by identity
class _Shop(Collector):
    _seen: Seen

    def collect(self) -> Iterator[Metric]:
        seen = self._seen
        yield InfoMetricFamily(PREFIX + "build", "What runs here.", value={"version": seen.version})
        yield _requests(seen.tally)
        yield _gauge(
            "usage_backlog_keys", "Keys whose latest requests are not written yet.", seen.usage_backlog
        )
        yield _by(
            GaugeMetricFamily(
                PREFIX + "pool", "Connections to the database of this process.", labels=("pool", "what")
            ),
            {(pool, what): n for pool, facts in seen.pools.items() for what, n in facts.items()},
        )
        yield _gauge("state_known", "1 if the database told the state of the shop.", seen.state is not None)
        if seen.state is not None:
            yield from _counted(seen.state)
            yield from _waiting(seen.state)
            yield from _networks(seen.state)
            yield from _alarms(seen.state)


def _requests(tally: RequestTally) -> Metric:
    told = HistogramMetricFamily(
        PREFIX + "http_request_duration_seconds",
        "Requests to this process, by the template of their route.",
        labels=("route", "method", "status"),
    )
    bounds = [*map(str, BUCKETS), "+Inf"]
    for (route, method, status), counts, seconds in tally.series():
        told.add_metric(
            (route, method, str(status)), list(zip(bounds, accumulate(counts), strict=True)), seconds
        )
    return told


def _counted(state: ShopState) -> Iterator[Metric]:
    figures = state.figures
    yield _by(
        CounterMetricFamily(
            PREFIX + "order_events",
            "Orders by what happened to them, since the shop's first start.",
            labels=("event",),
        ),
        {(event,): count for event, count in figures.order_events.items()},
    )
    yield _by(
        CounterMetricFamily(
            PREFIX + "webhook_attempts",
            "Attempts to send a webhook by outcome, since the shop's first start.",
            labels=("outcome",),
        ),
        {(outcome,): count for outcome, count in figures.webhooks.items()},
    )
    yield _by(
        GaugeMetricFamily(PREFIX + "deposits", "Deposits by what became of them.", labels=("outcome",)),
        {(outcome,): count for outcome, count in figures.deposits.items()},
    )


def _waiting(state: ShopState) -> Iterator[Metric]:
    figures = state.figures
    yield from _queue("orders_open", "Orders that are not done.", "status", figures.orders_open, state.at)
    yield _by(
        GaugeMetricFamily(
            PREFIX + "orders_processing",
            "Orders in processing for at least so many seconds.",
            labels=("at_least_seconds",),
        ),
        {(str(age // SECOND),): count for age, count in figures.processing_for.items()},
    )
    yield from _queue("refunds_due", "Orders to be refunded.", "channel", figures.refunds_due, state.at)
    yield _gauge("deposits_unmatched", "Deposits for a person to decide on.", figures.unmatched.count)
    yield _age("deposits_unmatched", figures.unmatched, state.at)
    yield _gauge("outbox_events", "Events whose webhook has not arrived.", figures.outbox.count)
    yield _age("outbox", figures.outbox, state.at)


def _networks(state: ShopState) -> Iterator[Metric]:
    networks = state.networks
    yield _by_network(
        "scanner_lag_seconds",
        "How far the reading of a network is behind the present.",
        {n.network: _seconds(state.at - n.read_until) for n in networks if n.read_until is not None},
    )
    yield _by_network(
        "scanner_last_success_timestamp_seconds",
        "When a network was read last.",
        {n.network: n.last_success.timestamp() for n in networks if n.last_success is not None},
    )
    yield _by_network(
        "scanner_in_trouble",
        "1 while a network cannot be read.",
        {n.network: n.trouble is not None for n in networks},
    )
    yield _by_network(
        "scanner_stopped",
        "1 if nobody tries to read a network again before a setting is changed.",
        {n.network: n.stopped for n in networks},
    )


def _alarms(state: ShopState) -> Iterator[Metric]:
    ringing = [rung.alarm.kind for rung in state.alarms]
    yield _by(
        GaugeMetricFamily(PREFIX + "alarms_ringing", "Alarms that ring now.", labels=("kind",)),
        {(str(kind),): ringing.count(kind) for kind in AlarmKind},
    )
    yield _gauge(
        "books_in_balance",
        "0 while a check of the books has found a difference that stands.",
        AlarmKind.BOOKS_UNBALANCED not in ringing,
    )
    if state.books_checked_at is not None:
        yield _gauge(
            "books_checked_timestamp_seconds",
            "When somebody last looked for changes in the books that do not add up.",
            state.books_checked_at.timestamp(),
        )
    yield _by(
        GaugeMetricFamily(
            PREFIX + "processes", "Processes that said within a minute that they work.", labels=("role",)
        ),
        {(role,): count for role, count in state.alive().items()},
    )


def _queue(
    name: str, about: str, label: str, queue: Mapping[str, Waiting], now: datetime
) -> Iterator[Metric]:
    yield _by(
        GaugeMetricFamily(PREFIX + name, about, labels=(label,)),
        {(key,): waiting.count for key, waiting in queue.items()},
    )
    yield _by(
        GaugeMetricFamily(
            PREFIX + f"{name}_oldest_age_seconds", f"{about} The first of them.", labels=(label,)
        ),
        {(key,): _seconds(waiting.age_at(now)) for key, waiting in queue.items()},
    )


def _by_network(name: str, about: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(PREFIX + name, about, labels=("network",))
    return _by(family, {(str(network),): value for network, value in values.items()})


def _age(name: str, waiting: Waiting, now: datetime) -> Metric:
    return _gauge(
        f"{name}_oldest_age_seconds", "How long the first of them has waited.", _seconds(waiting.age_at(now))
    )


def _gauge(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(PREFIX + name, about, value=value)


def _by(family: GaugeMetricFamily | CounterMetricFamily, values: Mapping[tuple[str, ...], float]) -> Metric:
    for labels, value in sorted(values.items()):
        family.add_metric(labels, value)
    return family


def _seconds(duration: timedelta) -> float:
    return max(duration / SECOND, 0.0)
