"""How fast the project is, beside others that do the same work; see README.md."""
