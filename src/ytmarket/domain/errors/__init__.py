"""Everything the shop can refuse, each with the code a client sees.

    ShopError
    ├── InvalidAmount, InvalidValue          the words themselves are wrong
    └── Refused                              a request that cannot be granted
        ├── NotFound                         ...because what it names is not there
        └── Conflict                         ...because of how things stand now

A refusal changes nothing. Its docstring is the sentence people read; its fields are what they
need in order to go on. The order of checks, hence which refusal wins, is told in `shop`.
"""

from __future__ import annotations

from ytmarket.domain.errors.access import (
    AccountFrozen,
    AddressNotAllowed,
    IdempotencyInFlight,
    IdempotencyMismatch,
    InvalidKey,
    InvalidSignature,
    KeyNotFound,
    KeyRevoked,
    RateLimited,
    SignatureReplayed,
)
from ytmarket.domain.errors.base import (
    AlreadyDone,
    Conflict,
    InvalidAmount,
    InvalidRequest,
    InvalidValue,
    NotFound,
    Refused,
    ShopError,
)
from ytmarket.domain.errors.orders import (
    BelowMinimum,
    DuplicateUnit,
    EventNotFound,
    IllegalMove,
    InsufficientStock,
    InvoicesUnavailable,
    NoRefundOwed,
    OrderNotFound,
    OrderNotPayable,
    PriceChanged,
    ProductNotFound,
    SkuTaken,
)
from ytmarket.domain.errors.payments import (
    AmountTaken,
    DepositNotFound,
    DepositNotWaiting,
    DepositTooSmall,
    InsufficientBalance,
    NoFreeAmount,
    Overdrawn,
    TooManyOpenTopups,
    TooManyUnpaidTopups,
    TopupNotFound,
    TopupPaid,
)

__all__ = [
    "AccountFrozen",
    "AddressNotAllowed",
    "AlreadyDone",
    "AmountTaken",
    "BelowMinimum",
    "Conflict",
    "DepositNotFound",
    "DepositNotWaiting",
    "DepositTooSmall",
    "DuplicateUnit",
    "EventNotFound",
    "IdempotencyInFlight",
    "IdempotencyMismatch",
    "IllegalMove",
    "InsufficientBalance",
    "InsufficientStock",
    "InvalidAmount",
    "InvalidKey",
    "InvalidRequest",
    "InvalidSignature",
    "InvalidValue",
    "InvoicesUnavailable",
    "KeyNotFound",
    "KeyRevoked",
    "NoFreeAmount",
    "NoRefundOwed",
    "NotFound",
    "OrderNotFound",
    "OrderNotPayable",
    "Overdrawn",
    "PriceChanged",
    "ProductNotFound",
    "RateLimited",
    "Refused",
    "ShopError",
    "SignatureReplayed",
    "SkuTaken",
    "TooManyOpenTopups",
    "TooManyUnpaidTopups",
    "TopupNotFound",
    "TopupPaid",
]
