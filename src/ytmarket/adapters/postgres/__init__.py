"""Storage in PostgreSQL: one transaction for each unit of work."""
