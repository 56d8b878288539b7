"""The server's settings: read from the environment once, checked, and named in every complaint."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final, TypeVar

import attrs

from ytmarket.adapters.postgres.connections import is_conninfo
from ytmarket.adapters.redis.rate_limiter import is_redis_url
from ytmarket.domain import limits
from ytmarket.domain.api_keys import AddressRange
from ytmarket.domain.catalog import MinimumTerms
from ytmarket.domain.errors import InvalidAmount
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network, WalletFamily
from ytmarket.domain.shop import DELIVERY_DEADLINE, OrderTerms
from ytmarket.domain.topups import TopupTerms
from ytmarket.entrypoints.further_networks import FurtherNetwork, NetworksFileError, make_known, read_networks

PREFIX: Final = "YTMARKET_"

T = TypeVar("T")


class SettingsError(Exception):
    """A setting cannot be used as it is; the message names it and says what it may be."""


def setting(name: str, default: str, read: Callable[[str], Any], help: str, *, secret: bool = False) -> Any:  # noqa: A002 - argparse's word
    """A field that is read from the variable `YTMARKET_<name>`; *default* is written as there."""
    metadata = {"name": PREFIX + name, "default": default, "read": read, "help": help}
    return attrs.field(default=attrs.Factory(lambda: read(default)), metadata=metadata, repr=not secret)


def _text(value: str) -> str | None:
    return value or None


def _flag(value: str) -> bool:
    known = {"": False, "0": False, "no": False, "false": False, "1": True, "yes": True, "true": True}
    try:
        return known[value.lower()]
    except KeyError:
        raise SettingsError("say yes or no") from None


def _count(value: str) -> int:
    if not re.fullmatch(r"0*[1-9][0-9]{0,8}", value, re.ASCII):
        raise SettingsError(f"a whole number from 1 to {COUNT_MAX} is needed")
    return int(value)


def _seconds(value: str) -> timedelta:
    amount = _decimal(value)
    if not SECONDS_MIN <= amount <= SECONDS_MAX:
        raise SettingsError(f"seconds from {SECONDS_MIN} to {SECONDS_MAX} are needed")
    return timedelta(microseconds=int(amount * 1_000_000))


def _database(value: str) -> str | None:
    # What is wrong with it is not told in the library's words: they have the password in them.
    if value and not is_conninfo(value):
        raise SettingsError("an address of a PostgreSQL is needed: postgresql://user:password@host:5432/name")
    return value or None


def _redis(value: str) -> str | None:
    if value and not is_redis_url(value):
        raise SettingsError(
            "an address of a Redis is needed: redis://:password@host:6379/0, rediss:// or unix://"
        )
    return value or None


def _decimal(value: str) -> Decimal:
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise SettingsError("a decimal number is needed, such as 80 or 80.5") from None
    if not number.is_finite() or not NUMBER_MIN <= number <= NUMBER_MAX:
        raise SettingsError(f"a number above 0 is needed, from {NUMBER_MIN} to {NUMBER_MAX}")
    return number


def _decimal_or_zero(value: str) -> Decimal:
    return Decimal(0) if value.strip("0.") == "" and value else _decimal(value)


def _depth(value: str) -> int | None:
    if value.lower() == "finalized":
        return None
    try:
        return _count(value)
    except SettingsError:
        raise SettingsError(
            f"a whole number of blocks from 1 to {COUNT_MAX} is needed, or `finalized`"
        ) from None


def _usdt(value: str) -> Usdt:
    try:
        return Usdt.of(_decimal_or_zero(value))
    except InvalidAmount:
        raise SettingsError("an amount in USDT is needed, such as 1000 or 0.5") from None


def _ranges(value: str) -> tuple[AddressRange, ...]:
    try:
        return tuple(ip_network(part.strip()) for part in value.split(",") if part.strip())
    except ValueError as trouble:
        raise SettingsError(f"addresses or CIDR ranges, comma-separated, are needed: {trouble}") from None


def _tokens(value: str) -> Mapping[str, str]:
    """`token`, or `name:token` several times with commas between; the audit shows the name."""
    named: dict[str, str] = {}
    for part in filter(None, (piece.strip() for piece in value.split(","))):
        name, colon, token = part.rpartition(":")
        if len(token) < ADMIN_TOKEN_CHARS_MIN or not token.isascii():
            raise SettingsError(f"a token needs at least {ADMIN_TOKEN_CHARS_MIN} ASCII characters")
        if (name or "admin") in named:
            raise SettingsError("each token needs a name of its own: name:token,other:token")
        named[name if colon else "admin"] = token
    return named


def _token(value: str) -> str | None:
    if value and (len(value) < ADMIN_TOKEN_CHARS_MIN or not value.isascii()):
        raise SettingsError(f"a token needs at least {ADMIN_TOKEN_CHARS_MIN} ASCII characters")
    return value or None


def _level(value: str) -> str:
    if value.upper() not in LEVELS:
        raise SettingsError(f"one of {', '.join(LEVELS).lower()} is needed")
    return value.upper()


def _bot_token(value: str) -> str | None:
    if value and not re.fullmatch(r"[0-9]{5,20}:[A-Za-z0-9_-]{20,}", value, re.ASCII):
        raise SettingsError("a token as @BotFather gives it is needed: digits, a colon, letters")
    return value or None


def _chats(value: str) -> frozenset[int]:
    parts = [part.strip() for part in value.split(",") if part.strip()]
    if not all(re.fullmatch(r"-?[1-9][0-9]{0,18}", part, re.ASCII) for part in parts):
        raise SettingsError("ids of people or groups are needed, comma-separated, such as 123456789")
    return frozenset(map(int, parts))


def _url(value: str) -> str:
    address = value.rstrip("/")
    if not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", address):
        raise SettingsError("an address is needed, such as https://api.telegram.org")
    return address


def _networks(value: str) -> tuple[FurtherNetwork, ...]:
    try:
        return read_networks(Path(value)) if value else ()
    except NetworksFileError as trouble:
        raise SettingsError(str(trouble)) from None


def _tron_mode(value: str) -> str:
    if value not in {"blocks", "logs"}:
        raise SettingsError("say blocks or logs")
    return value


def _urls(value: str) -> tuple[str, ...]:
    found = tuple(part.strip() for part in value.split(",") if part.strip())
    if not all(url.startswith(("http://", "https://", "/")) for url in found):
        raise SettingsError("URLs are needed, comma-separated")
    return found


ADMIN_TOKEN_CHARS_MIN: Final = 16
COUNT_MAX: Final = 999_999_999
# Neither a wait for nothing nor, after thirty years, a moment beyond the calendar.
SECONDS_MIN: Final = Decimal("0.001")
SECONDS_MAX: Final = Decimal(1_000_000_000)
NUMBER_MIN: Final = Decimal("0.000001")
NUMBER_MAX: Final = Decimal(1_000_000_000_000)
LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")


@attrs.frozen(kw_only=True)
class Settings:
    """How this shop is run. Each field is one environment variable; the docs list them all."""

    database_url: str | None = setting(
        "DATABASE_URL",
        "",
        _database,
        "PostgreSQL to use; without it an embedded one runs in the data folder",
        secret=True,
    )
    database_owner_url: str | None = setting(
        "DATABASE_OWNER_URL",
        "",
        _database,
        "the same database as its owner: migrations run so, and servers get no more than they need",
        secret=True,
    )
    data_dir: Path = setting(
        "DATA_DIR", "data", Path, "folder for the embedded database, the master key and logs"
    )
    redis_url: str | None = setting(
        "REDIS_URL",
        "",
        _redis,
        "Redis that shares rate limits; without it each process counts alone",
        secret=True,
    )
    admin_tokens: Mapping[str, str] = setting(
        "ADMIN_TOKEN",
        "",
        _tokens,
        "bearer token of the admin API, or name:token,…; without one there is none",
        secret=True,
    )
    metrics_token: str | None = setting(
        "METRICS_TOKEN",
        "",
        _token,
        "bearer token that opens /metrics; without one only loopback reads it",
        secret=True,
    )
    log_level: str = setting(
        "LOG_LEVEL", "info", _level, "least that is logged: debug, info, warning or error"
    )
    access_log: bool = setting("ACCESS_LOG", "yes", _flag, "log a line for every request")
    master_key: str | None = setting(
        "MASTER_KEY",
        "",
        _text,
        "key that seals secrets and stock; without it one is made in the data folder",
        secret=True,
    )
    master_key_lost: bool = setting(
        "MASTER_KEY_LOST", "no", _flag, "start although some of what is sealed cannot be opened any more"
    )
    telegram_token: str | None = setting(
        "TELEGRAM_TOKEN",
        "",
        _bot_token,
        "token of the operators' Telegram bot; without one there is none",
        secret=True,
    )
    telegram_chats: frozenset[int] = setting(
        "TELEGRAM_CHATS", "", _chats, "ids of the people whom the bot obeys, and of groups that hear alarms"
    )
    telegram_api: str = setting(
        "TELEGRAM_API", "https://api.telegram.org", _url, "where the Bot API is; for a server of your own"
    )
    trusted_proxies: tuple[AddressRange, ...] = setting(
        "TRUSTED_PROXIES", "", _ranges, "proxies whose X-Forwarded-For is believed: addresses or CIDR ranges"
    )
    webhook_allow_private: bool = setting(
        "WEBHOOK_ALLOW_PRIVATE",
        "no",
        _flag,
        "send webhooks to private addresses as well; for development",
    )
    rub_per_usdt: Decimal = setting(
        "RUB_PER_USDT", "80", _decimal, "roubles for one USDT, under the minimum order"
    )
    min_order_rub: Decimal = setting(
        "MIN_ORDER_RUB", "600", _decimal_or_zero, "least total of an order, in roubles"
    )
    rate_limit: int = setting(
        "RATE_LIMIT",
        str(limits.REQUESTS_PER_MINUTE),
        _count,
        "requests that a key may make in any 60 seconds",
    )
    topup_lifetime: timedelta = setting(
        "TOPUP_LIFETIME_SECONDS", "3600", _seconds, "how long a top-up may be paid"
    )
    topup_quarantine: timedelta = setting(
        "TOPUP_QUARANTINE_SECONDS",
        "86400",
        _seconds,
        "how long an unpaid amount stays closed to others",
    )
    topup_max_open: int = setting(
        "TOPUP_MAX_OPEN", "20", _count, "open top-ups a key may hold; more are refused"
    )
    topup_max_unpaid: int = setting(
        "TOPUP_MAX_UNPAID", "20", _count, "unpaid amounts in quarantine a key may hold beside the open ones"
    )
    topup_skew: timedelta = setting(
        "TOPUP_SKEW_SECONDS",
        "5",
        _seconds,
        "how much earlier than its making a payment may be dated by its chain, whose clock may be behind",
    )
    topup_skew_slow: timedelta = setting(
        "TOPUP_SKEW_SLOW_SECONDS",
        "15",
        _seconds,
        "the same on Solana and TON, whose clocks are further behind",
    )
    topup_tags: bool = setting(
        "TOPUP_TAGS",
        "no",
        _flag,
        "add random cents to each top-up, so that nobody waits for round ones",
    )
    website_lifetime: timedelta = setting(
        "WEBSITE_LIFETIME_SECONDS", "900", _seconds, "how long a website order may be paid"
    )
    order_deadline: timedelta = setting(
        "ORDER_DEADLINE_SECONDS",
        str(DELIVERY_DEADLINE // timedelta(seconds=1)),
        _seconds,
        "an order not delivered by then expires and is refunded",
    )
    scan_interval: timedelta = setting(
        "SCAN_SECONDS", "5", _seconds, "pause between two readings of a network"
    )
    rpc_calls_per_second: int = setting(
        "RPC_CALLS_PER_SECOND", "10", _count, "calls that each node may be asked in a second"
    )
    stale_head: timedelta = setting(
        "STALE_HEAD_SECONDS",
        "900",
        _seconds,
        "a node whose newest block is older has stopped, and another one is asked",
    )
    arbitrum_depth: int | None = setting(
        "ARBITRUM_DEPTH",
        "120",
        _depth,
        "blocks on top of a deposit on Arbitrum before it counts, or `finalized` to wait for Ethereum",
    )
    arbitrum_finalized_above: Usdt = setting(
        "ARBITRUM_FINALIZED_ABOVE_USDT",
        "1000",
        _usdt,
        "a larger deposit on Arbitrum waits for Ethereum all the same",
    )
    refund_interval: timedelta = setting(
        "REFUND_SWEEP_SECONDS", "30", _seconds, "pause between two refund sweeps"
    )
    lag_alarm: timedelta = setting(
        "LAG_ALARM_SECONDS",
        "300",
        _seconds,
        "an alarm rings when a network is read with more than this delay",
    )
    tron_wallet: str | None = setting("TRON_WALLET", "", _text, "the shop's TRON address")
    evm_wallet: str | None = setting(
        "EVM_WALLET", "", _text, "the shop's address on BSC, Polygon and Arbitrum"
    )
    ton_wallet: str | None = setting("TON_WALLET", "", _text, "the shop's TON address")
    solana_wallet: str | None = setting("SOLANA_WALLET", "", _text, "the shop's Solana address")
    tron_rpc: tuple[str, ...] = setting("TRON_RPC", "", _urls, "TRON nodes, comma-separated", secret=True)
    tron_mode: str = setting(
        "TRON_MODE",
        "blocks",
        _tron_mode,
        "read every block of TRON, or logs: lists of events, where a node is seen to have them all",
    )
    bsc_rpc: tuple[str, ...] = setting("BSC_RPC", "", _urls, "BNB Smart Chain nodes", secret=True)
    polygon_rpc: tuple[str, ...] = setting("POLYGON_RPC", "", _urls, "Polygon nodes", secret=True)
    arbitrum_rpc: tuple[str, ...] = setting("ARBITRUM_RPC", "", _urls, "Arbitrum nodes", secret=True)
    ton_rpc: tuple[str, ...] = setting(
        "TON_RPC", "", _urls, "TON configurations with lite servers, each a path or an https URL", secret=True
    )
    solana_rpc: tuple[str, ...] = setting("SOLANA_RPC", "", _urls, "Solana nodes", secret=True)

    networks: tuple[FurtherNetwork, ...] = setting(
        "NETWORKS", "", _networks, "file that describes further EVM networks: docs/adding-a-chain.md"
    )

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Settings:
        """Read and check everything. Raises `SettingsError` naming the variable.

        An unknown variable with our prefix is refused too: it is a misspelt one.
        """
        fields = {field.metadata["name"]: field for field in attrs.fields(cls)}
        unknown = sorted(n for n in environ if n.startswith(PREFIX) and n not in fields and n not in NOT_OURS)
        if unknown:
            raise SettingsError(f"{unknown[0]} is no setting; `ytmarket settings` lists them all")
        values = {}
        for name, field in fields.items():
            given = environ.get(name)
            if given is not None and given.strip():
                values[field.name] = _read(name, field.metadata["read"], given.strip())
        return cls(**values)

    @property
    def wallets(self) -> dict[WalletFamily, str]:
        """The configured wallets; none of them: this is devnet."""
        given = {
            WalletFamily.TRON: self.tron_wallet,
            WalletFamily.EVM: self.evm_wallet,
            WalletFamily.TON: self.ton_wallet,
            WalletFamily.SOLANA: self.solana_wallet,
        }
        return {family: address for family, address in given.items() if address is not None}

    @property
    def is_devnet(self) -> bool:
        return not self.wallets

    def make_networks_known(self) -> None:
        """Let this process know the further networks. Raises `SettingsError`."""
        try:
            make_known(self.networks)
        except NetworksFileError as trouble:
            raise SettingsError(f"{PREFIX}NETWORKS: {trouble}") from None

    def endpoints(self, network: Network) -> tuple[str, ...]:
        """Where the network is read."""
        shipped = {
            Network.TRON: self.tron_rpc,
            Network.BSC: self.bsc_rpc,
            Network.POLYGON: self.polygon_rpc,
            Network.ARBITRUM: self.arbitrum_rpc,
            Network.TON: self.ton_rpc,
            Network.SOLANA: self.solana_rpc,
        }
        further = {added.code: added.rpc for added in self.networks}
        return shipped[network] if network in shipped else further.get(network.value, ())

    @property
    def order_terms(self) -> OrderTerms:
        minimum = MinimumTerms(floor_rub=self.min_order_rub, rub_per_usdt=self.rub_per_usdt)
        return OrderTerms(minimum=minimum, deadline=self.order_deadline)

    @property
    def topup_terms(self) -> TopupTerms:
        return TopupTerms(
            lifetime=self.topup_lifetime,
            quarantine=self.topup_quarantine,
            max_open=self.topup_max_open,
            max_unpaid=self.topup_max_unpaid,
            tags=self.topup_tags,
            skews=self._skews,
        )

    @property
    def website_terms(self) -> TopupTerms:
        """How long a website order's payment is awaited, and its amount closed to others."""
        return TopupTerms(lifetime=self.website_lifetime, quarantine=self.topup_quarantine, skews=self._skews)

    @property
    def _skews(self) -> Mapping[WalletFamily, timedelta]:
        slow = {WalletFamily.TON, WalletFamily.SOLANA}
        return {
            family: self.topup_skew_slow if family in slow else self.topup_skew for family in WalletFamily
        }


def make_networks_known(environ: Mapping[str, str]) -> None:
    """Let commands name the further networks of this environment. Raises `SettingsError`."""
    name = f"{PREFIX}NETWORKS"
    given = environ.get(name, "").strip()
    Settings(networks=_read(name, _networks, given)).make_networks_known()


NOT_OURS: Final = frozenset({"YTMARKET_TEST_DSN"})


def table() -> Sequence[tuple[str, str, str]]:
    """Name, default and meaning of every setting, for the docs and `ytmarket settings`."""
    return [
        (field.metadata["name"], field.metadata["default"], field.metadata["help"])
        for field in attrs.fields(Settings)
    ]


def _read(name: str, read: Callable[[str], T], given: str) -> T:
    try:
        return read(given)
    except SettingsError as trouble:
        raise SettingsError(f"{name}: {trouble}") from None
