"""Background work yields: the process, and the server's process that works for it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from django.db import connection

from devices.background import NICE

pytestmark = pytest.mark.slow
SAYS = """
import os, django
django.setup()
from django.db import connection
from devices.background import run_in_background
run_in_background()
with connection.cursor() as cursor:
    cursor.execute("SELECT pg_backend_pid()")
    (pid,) = cursor.fetchone()
    print(os.getpriority(os.PRIO_PROCESS, 0), os.getpriority(os.PRIO_PROCESS, pid))
"""


@pytest.mark.django_db(transaction=True)
def test_a_process_and_its_backend_yield_to_others():
    if connection.settings_dict["HOST"] not in ("127.0.0.1", "localhost"):
        pytest.skip("the database is on another machine")
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"}
    done = subprocess.run([sys.executable, "-c", SAYS], env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-2:] == [str(NICE), str(NICE)]
