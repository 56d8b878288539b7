"""Routes that are taken at their word: a path leads to one only if it is the path to its last character.

Starlette's own patterns end in `$`, which passes over a line end, and `.` stops at one: a path with a
line end in it would lead to the wrong place, or past all routes.
"""

from __future__ import annotations

import re
from typing import Final

from starlette import routing
from starlette.types import ASGIApp

ANY_PATH: Final = re.compile(r"/?(?P<path>.*)\Z", re.DOTALL)


class Route(routing.Route):
    """A route as Starlette's, matched to the last character."""

    def __init__(self, path: str, endpoint: ASGIApp) -> None:
        super().__init__(path, endpoint)
        self.path_regex = re.compile(self.path_regex.pattern.removesuffix("$") + r"\Z", re.DOTALL)


class LastRoute(Route):
    """Where everything leads that no route before has taken, the `*` of OPTIONS too."""

    def __init__(self, endpoint: ASGIApp) -> None:
        super().__init__("/{path:path}", endpoint)
        self.path_regex = ANY_PATH
