"""Two ingest workers and two web workers on one machine, started as the deployment page says."""

from __future__ import annotations

import json
import subprocess

import pytest

from bench._throwaway import sandtable, throwaway
from devices.ingest.leases import LEASE_S, RENEW_S
from devices.topics import SHARDS

TAKEN_WITHIN_S = 5.0


def test_the_lease_is_short_enough():
    """A worker killed just after it renewed: its lease runs out, and the other looks within its rhythm."""
    assert LEASE_S + RENEW_S < TAKEN_WITHIN_S
    assert LEASE_S > 2 * RENEW_S


@pytest.mark.slow
@pytest.mark.xdist_group("long")  # groups begin first: nobody waits for it in the end
def test_one_ingest_worker_is_killed_and_nothing_is_lost_or_doubled():
    with throwaway("--processes", "ingest=2,web=2") as var:
        code = "from tests.scale.crossing import main; main()"
        done = sandtable(var, "manage", "shell", "--no-imports", "-c", code, stdout=subprocess.PIPE, text=True)
        assert done.returncode == 0
        told = json.loads(done.stdout.strip().splitlines()[-1])
        status = json.loads(sandtable(var, "status", "--json", stdout=subprocess.PIPE, text=True).stdout)
    # Each held half before; both web workers served one address, and no screen stopped.
    assert told["shards_of_the_other"] == {"ingest": SHARDS // 2, "ingest.2": SHARDS // 2}
    assert all(told["sockets"])
    assert told["screens_that_went_on"] == sum(told["sockets"])
    # Everything the machines crossed is there, once each, with its own time.
    assert told["drained"]
    assert told["crossings"] > 100
    assert told["wrong"] == {}
    restarts = {row["name"]: row["restarts"] for row in status["processes"]}
    assert restarts["ingest"] == 1
    assert restarts["ingest.2"] == restarts["web"] == restarts["web.2"] == 0
    print(f"shards taken over after {told['taken_s']} s")
