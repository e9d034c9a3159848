#!/usr/bin/env python
"""Django's command line; ``./sandtable manage …`` runs it with the installation's own settings."""

import os
import sys

from django.core.management import execute_from_command_line

from config.start import set_up

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    set_up()
    execute_from_command_line(sys.argv)
