"""Rate limits that several processes share through Redis."""
