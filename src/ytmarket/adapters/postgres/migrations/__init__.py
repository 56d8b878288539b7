"""The schema's history: each step in SQL, and what Alembic needs to run them in order."""
