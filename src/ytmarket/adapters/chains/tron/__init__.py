"""USDT on TRON, read from java-tron's HTTP interface block by block.

Of tronpy we take the addresses (`wallet.py`), and not its provider, for reasons that node.py gives.
"""
