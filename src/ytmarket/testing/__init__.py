"""Strategies, port contracts, a simulator and small chains, for us and for whoever writes an adapter.

    from ytmarket.testing import strategies

Each is a module of its own and imported by its name, because they need different things: `strategies`
Hypothesis and `contracts` pytest (`pip install "ytmarket[testing]"`), `postgres` and `simulator` the
server's extra, and `chains` the extras of their networks.
"""
