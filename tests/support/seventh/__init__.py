"""An app of a host project: it has a Document, and nothing else."""
