"""The shop's Telegram bot."""
