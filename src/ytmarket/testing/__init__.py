"""Strategies, port contracts and a simulator, for us and for whoever writes an adapter."""
