"""The roots of the tree: what is wrong with a word, with a request, and with the moment."""

from __future__ import annotations

from typing import Any, ClassVar

import attrs


class ShopError(Exception):
    """Something about the shop's rules."""

    def __str__(self) -> str:
        return ": ".join([type(self).sentence(), *(str(arg) for arg in self.args)])

    @classmethod
    def sentence(cls) -> str:
        return (cls.__doc__ or cls.__name__).partition("\n")[0].rstrip(".")

    def in_full(self) -> str:
        """What a person reads: why not, and what is needed to go on."""
        return f"{self}."


class InvalidAmount(ShopError, ValueError):
    """This is not an amount of USDT with at most six decimals."""


class InvalidValue(ShopError, ValueError):
    """This value cannot be used."""


@attrs.frozen(kw_only=True)
class Refused(ShopError):
    """The request cannot be granted."""

    code: ClassVar[str] = "refused"

    def __str__(self) -> str:
        return type(self).sentence()

    def extras(self) -> dict[str, Any]:
        """What the client needs to go on: field name to value, in the domain's own types."""
        fields = attrs.fields_dict(type(self))
        return {name: value for name in fields if (value := getattr(self, name)) is not None}

    def in_full(self) -> str:
        told = ", ".join(f"{name}: {value}" for name, value in self.extras().items())
        return f"{self}. {told}" if told else f"{self}."


@attrs.frozen(kw_only=True)
class InvalidRequest(Refused):
    """The request does not say what it must, or says it in a wrong way."""

    code = "invalid_request"
    pointer: str
    problem: str
    offered: tuple[str, ...] | None = None

    def extras(self) -> dict[str, Any]:
        return {} if self.offered is None else {"networks": self.offered}

    def in_full(self) -> str:
        return f"{self.pointer.removeprefix('/')} {self.problem}".strip()


@attrs.frozen(kw_only=True)
class NotFound(Refused):
    """There is no such thing, or it is not yours."""

    code = "not_found"


@attrs.frozen(kw_only=True)
class Conflict(Refused):
    """How things stand now does not allow this."""

    code = "conflict"


@attrs.frozen(kw_only=True)
class AlreadyDone(Conflict):
    """This was done before and happens only once."""

    code = "already_done"
