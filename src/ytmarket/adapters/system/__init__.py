"""Time, chance and secrets from the machine the shop runs on."""
