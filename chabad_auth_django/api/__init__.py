"""The REST API over the six Documents."""
