"""One stream of log entries for the shop and its libraries: JSON for machines, plain for a person.

Whoever logs asks `structlog.get_logger(__name__)`. Entries made while a request is answered carry its
`request_id`, see `request_context`.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, MutableMapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, TextIO

import attrs
import structlog
from structlog.typing import Processor

from ytmarket.adapters.system.redaction import Redactor

# They write whole URLs, headers or statements at levels where we want words.
QUIET: Final = ("uvicorn.error", "httpcore2", "httpx2", "urllib3", "asyncio", "aiogram.event", "alembic")
# They bring handlers of their own; their entries belong into the one stream.
OWN_HANDLERS: Final = ("uvicorn", "uvicorn.error", "uvicorn.access")


@attrs.frozen
class _Rendered:
    """The last step: the entry becomes a line, and whatever looks like a secret is taken out of it."""

    renderer: Processor
    redactor: Redactor

    def __call__(self, logger: Any, method: str, entry: MutableMapping[str, Any]) -> str:
        return self.redactor.hide_shapes(str(self.renderer(logger, method, entry)))


def configure_logging(
    *, as_json: bool, level: str = "INFO", secrets: Iterable[str] = (), stream: TextIO | None = None
) -> None:
    """Set logging up for this process. *secrets* are texts that may appear in no line."""
    redactor = Redactor.of(secrets)
    before = _before_rendering(redactor)
    rendered = _Rendered(_renderer(as_json=as_json, stream=stream), redactor)
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=before,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, rendered],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    for name in OWN_HANDLERS:
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *before,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def request_context(request_id: str) -> AbstractContextManager[None]:
    """Everything logged inside, in tasks started inside too, carries this request's id."""
    return structlog.contextvars.bound_contextvars(request_id=request_id)


def _before_rendering(redactor: Redactor) -> Sequence[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        # Plain text: the prettier tracebacks show local variables, and those hold secrets.
        structlog.processors.format_exc_info,
        redactor.hide_named,
    ]


def _renderer(*, as_json: bool, stream: TextIO | None) -> Processor:
    if as_json:
        return structlog.processors.JSONRenderer()
    colors = (stream or sys.stderr).isatty()
    return structlog.dev.ConsoleRenderer(
        colors=colors, exception_formatter=structlog.dev.plain_traceback, pad_event_to=0
    )
