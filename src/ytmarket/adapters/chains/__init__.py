"""Readers of final USDT transfers, one module for each family of networks."""
