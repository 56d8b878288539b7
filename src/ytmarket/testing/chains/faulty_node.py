"""A hop in front of a node that speaks JSON over HTTP, which fails as it is told, or changes answers."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import attrs
from aiohttp import ClientSession, web

from ytmarket.testing.chains.faults import RETRY_AFTER_SECONDS, Fault, Faulty

SECRET: Final = "s3cret-in-the-path"
"""Stands in the hop's URL, as keys stand in the URLs of providers."""

BROKEN_OFF_BYTES: Final = 20

Call = dict[str, Any]
"""A JSON-RPC call; of a node that has a path for each method, the request with the path as `method`."""

Reply = dict[str, Any]
Edit = Callable[[Call, Reply], Reply]
"""From a call, and what the node answered it, to the answer that is passed on."""

_RESPONSES: Final[dict[Fault | None, Callable[[], web.Response]]] = {
    Fault.IS_BROKEN: lambda: web.Response(status=503, text="<h1>Service Unavailable</h1>"),
    Fault.LOCKS_US_OUT: lambda: web.Response(status=403, text=f"no access with {SECRET}"),
    Fault.TALKS_NONSENSE: lambda: web.Response(text="<h1>Welcome</h1>", content_type="text/html"),
    Fault.IS_BUSY: lambda: web.Response(status=429, headers={"Retry-After": str(RETRY_AFTER_SECONDS)}),
}


@attrs.define
class FaultyNode(Faulty[Edit]):
    """Passes everything on while it has no fault and no edit."""

    upstream: str
    url: str = ""
    respond: Callable[[bytes], web.Response | None] | None = None
    """Answers instead of the node, with an HTTP status of one's own; None passes the request on."""

    arrange: Callable[[list[Reply]], list[Reply]] | None = None
    """In which order the answers to a batch are passed on."""

    calls: list[str] = attrs.field(factory=list)
    """The methods that were asked for."""

    _session: ClientSession = attrs.field(init=False)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if self.respond is not None and (response := self.respond(body)) is not None:
            return response
        if self.fault in _RESPONSES:
            return _RESPONSES[self.fault]()
        if self.fault in {Fault.HANGS_UP, Fault.IS_SILENT}:
            if self.fault is Fault.IS_SILENT:
                await self._over.wait()
            return _hang_up(request)
        if self.before is not None:
            await self.before()
        answer = await self._pass_on(request, body)
        if self.fault is Fault.BREAKS_OFF:
            return web.Response(body=answer[:-BROKEN_OFF_BYTES])
        edited = self._edited(_path(request), body, answer)
        return web.Response(body=edited, content_type="application/json")

    async def _pass_on(self, request: web.Request, body: bytes) -> bytes:
        path = _path(request)
        headers = {"Content-Type": "application/json"}
        async with self._session.post(self.upstream + path, data=body, headers=headers) as answer:
            return await answer.read()

    def _edited(self, path: str, body: bytes, answer: bytes) -> bytes:
        calls, replies = json.loads(body), json.loads(answer)
        is_batch = isinstance(calls, list)
        calls, replies = (calls, replies) if is_batch else ([calls], [replies])
        calls = [{"method": path.strip("/"), **call} for call in calls]
        self.calls += [call["method"] for call in calls]
        if self.edit is None and self.arrange is None:
            return answer
        edit, arrange = self.edit or _as_it_is, self.arrange or list
        edited = arrange([edit(call, reply) for call, reply in zip(calls, replies, strict=True)])
        return json.dumps(edited if is_batch else edited[0]).encode()


@asynccontextmanager
async def faulty_node(upstream: str) -> AsyncIterator[FaultyNode]:
    """A hop on loopback in front of the node at this URL."""
    node = FaultyNode(upstream.rstrip("/"))
    app = web.Application(client_max_size=2**26)
    app.router.add_route("POST", "/{path:.*}", node.serve)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    node.url = f"http://{host}:{port}/{SECRET}"
    async with ClientSession() as node._session:  # noqa: SLF001 - made here, in its loop
        try:
            yield node
        finally:
            await runner.cleanup()


def _as_it_is(_call: Call, reply: Reply) -> Reply:
    return reply


def _path(request: web.Request) -> str:
    return request.path.removeprefix(f"/{SECRET}")


def _hang_up(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.close()
    return web.Response()
