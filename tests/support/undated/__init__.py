"""An app whose accounts do not tell when they were made."""
