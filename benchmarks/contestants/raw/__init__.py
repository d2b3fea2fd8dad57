"""Raw PyMongo, as a competent developer writes it by hand."""
