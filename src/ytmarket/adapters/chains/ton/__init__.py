"""USDT on TON, as a jetton."""
