"""How far an EVM node has got, and how much of that is final by the network's rule."""

from __future__ import annotations

from datetime import datetime

import attrs

from ytmarket.adapters.chains.evm.view import View
from ytmarket.adapters.chains.evm.wire import Header
from ytmarket.application.ports.chain_reader import ChainBehind


@attrs.frozen(kw_only=True)
class Tip:
    """What one node says at one moment."""

    newest: Header
    readable: int  # the last block that may be read
    final: int  # the last block that the node itself calls final; 0 where nobody waits for that
    is_stale: bool

    @classmethod
    async def of(cls, view: View, now: datetime, *, waits_for_final: bool) -> Tip:
        """Ask the node. Raises `ReaderError`."""
        depth, final = view.chain.finality.depth, 0
        if depth is None:
            (newest,) = await view.tips("finalized")
            readable = final = int(newest.number)
        elif waits_for_final:
            newest, last = await view.tips("latest", "finalized")
            final = int(last.number)
            readable = max(newest.number - depth, final)
        else:
            (newest,) = await view.tips("latest")
            readable = max(newest.number - depth, 0)
        is_stale = now - newest.at > view.chain.stale_after
        return cls(newest=newest, readable=readable, final=final, is_stale=is_stale)

    def stands_still(self, view: View) -> ChainBehind:
        """The trouble with a node that has stopped: what it still has to tell, another tells sooner."""
        return view.node.behind(f"stands at block {self.newest.number} of {self.newest.at:%Y-%m-%d %H:%M:%S}")
