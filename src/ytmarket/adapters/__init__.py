"""Adapters: each package ties one outside thing to the ports, and knows no other adapter."""
