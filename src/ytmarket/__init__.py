"""A prepaid shop for digital goods, paid in USDT on six networks."""
