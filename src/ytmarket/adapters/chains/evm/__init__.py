"""USDT on networks that speak Ethereum's JSON-RPC: BNB Smart Chain, Polygon, Arbitrum."""
