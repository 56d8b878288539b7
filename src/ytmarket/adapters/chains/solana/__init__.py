"""USDT on Solana, in the classic Token program."""
