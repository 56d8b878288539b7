"""How far an EVM node has got, and how much of that is final by the network's rule."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import attrs

from ytmarket.adapters.chains.evm.view import View
from ytmarket.adapters.chains.evm.wire import Header
from ytmarket.application.ports.chain_reader import ChainBehind


@attrs.frozen(kw_only=True)
class Tip:
    """What one node says at one moment."""

    told: Sequence[Header]  # the newest block, and the last that the node itself calls final, if asked for
    readable: int  # the last block that may be read
    final: int  # the last block that the node itself calls final; 0 where nobody waits for that
    is_stale: bool

    @classmethod
    async def of(cls, view: View, now: datetime, *, waits_for_final: bool) -> Tip:
        """Ask the node. Raises `ReaderError`."""
        depth = view.chain.finality.depth
        # On a healthy node the last final block may be old, on a rollup a quarter of an hour; the newest not.
        tags = ("latest", "finalized") if waits_for_final or depth is None else ("latest",)
        newest, *finalized = told = await view.tips(*tags)
        final = int(finalized[0].number) if finalized else 0
        return cls(
            told=told,
            readable=final if depth is None else max(newest.number - depth, final),
            final=final,
            is_stale=now - newest.at > view.chain.stale_after,
        )

    @property
    def newest(self) -> Header:
        return self.told[0]

    def stands_still(self, view: View) -> ChainBehind:
        """The trouble with a node that has stopped: what it still has to tell, another tells sooner."""
        return view.node.behind(f"stands at block {self.newest.number} of {self.newest.at:%Y-%m-%d %H:%M:%S}")
