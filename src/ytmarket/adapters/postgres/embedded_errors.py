"""The one error of the embedded PostgreSQL."""

from typing import Final

WAY_OUT: Final = (
    "To use a PostgreSQL of your own instead, name it in YTMARKET_DATABASE_URL "
    "(postgresql://user:password@host/database)."
)


class EmbeddedServerError(Exception):
    """The embedded PostgreSQL cannot be used; the text says why, and what to do about it."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason}\n{WAY_OUT}")
