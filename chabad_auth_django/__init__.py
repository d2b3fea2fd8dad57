"""Users and their data on MongoDB, as a reusable Django app."""

__version__ = "0.3.0"
