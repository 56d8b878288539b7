"""What the bot does about each command and button, by what it does to the shop."""
