"""Refusals that only HTTP knows: of paths, methods, sizes and tokens."""

from __future__ import annotations

import attrs

from ytmarket.application.errors import Unavailable
from ytmarket.domain.errors import NotFound, Refused


@attrs.frozen(kw_only=True)
class PathNotFound(NotFound):
    """There is nothing at this path; the docs, where type leads, list the paths."""

    code = "path_not_found"


@attrs.frozen(kw_only=True)
class MethodNotAllowed(Refused):
    """This path does not take this method; those that it takes are in the Allow header."""

    code = "method_not_allowed"
    allow: tuple[str, ...]


@attrs.frozen(kw_only=True)
class BodyTooLarge(Refused):
    """The request body is larger than max_bytes."""

    code = "body_too_large"
    max_bytes: int


@attrs.frozen(kw_only=True)
class BodyTooSlow(Refused):
    """The request body did not arrive in time; nothing happened, send it again."""

    code = "body_timeout"


@attrs.frozen(kw_only=True)
class InvalidToken(Refused):
    """The admin API needs a header Authorization: Bearer with a token that was configured."""

    code = "invalid_admin_token"


class NotReady(Unavailable):
    """The shop is not ready for work."""

    code = "not_ready"

    def __init__(self, *, parts: tuple[str, ...]) -> None:
        super().__init__(", ".join(parts))
        self.parts = parts


@attrs.frozen(kw_only=True)
class InvalidMetricsToken(Refused):
    """The metrics need a header Authorization: Bearer with the token that was configured for them."""

    code = "invalid_metrics_token"


class ClientGone(Exception):
    """The connection was closed before the request was complete; nobody awaits an answer."""
