"""The page that clients learn the API from, and try it on."""
