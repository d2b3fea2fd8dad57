#!/usr/bin/env python
"""Run a management command of the example project."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        from django.core.management import execute_from_command_line

        execute_from_command_line(sys.argv)
    except KeyboardInterrupt:
        # Before a command has begun, which says more.
        sys.stderr.write("Interrupted.\n")
        sys.exit(130)
