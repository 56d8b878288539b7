"""The programs: the only code that reads the environment or chooses adapters."""
