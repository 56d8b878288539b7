"""Routes that are taken at their word: a path leads to one only if it is the path to its last character.

Starlette's own patterns end in `$`, which passes over a line end, and `.` stops at one: a path with a
line end in it would lead to the wrong place, or past all routes.
"""

from __future__ import annotations

import re
from typing import Final

from starlette import routing
from starlette.applications import Starlette
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


class App(Starlette):
    """Starlette without its own two nets under the routes: every endpoint here has one, which catches all.

    Each net costs every message of every answer a call. They are there again for whoever adds to the app.
    """

    def build_middleware_stack(self) -> ASGIApp:
        if self.user_middleware or self.exception_handlers:
            return super().build_middleware_stack()
        return self.router
