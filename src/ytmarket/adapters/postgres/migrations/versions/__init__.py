"""One module for each step; the SQL beside it says what it does."""
