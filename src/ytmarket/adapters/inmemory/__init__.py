"""Every port in memory, for embedding, demonstrations and tests."""
