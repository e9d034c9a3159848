"""Two ingest workers and two web workers on one machine, started as the deployment page says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devices.ingest.leases import LEASE_S, RENEW_S
from devices.topics import SHARDS

if TYPE_CHECKING:
    from tests.acceptance.conftest import Stack

TAKEN_WITHIN_S = 5.0
CROSS = "from tests.acceptance.crossing import main; main()"


def restarts(stack: Stack) -> dict[str, int]:
    return {row["name"]: row["restarts"] for row in stack.status()["processes"]}


def test_the_lease_is_short_enough():
    """A worker killed just after it renewed: its lease runs out, and the other looks within its rhythm."""
    assert LEASE_S + RENEW_S < TAKEN_WITHIN_S
    assert LEASE_S > 2 * RENEW_S


def test_one_ingest_worker_is_killed_and_nothing_is_lost_or_doubled(stack: Stack) -> None:
    before = restarts(stack)
    told = stack.python(CROSS)
    # Each held half before; both web workers served one address, and no screen stopped.
    assert told["shards_of_the_other"] == {"ingest": SHARDS // 2, "ingest.2": SHARDS // 2}
    assert all(told["sockets"])
    assert told["screens_that_went_on"] == sum(told["sockets"])
    # Everything the machines crossed is there, once each, with its own time.
    assert told["drained"]
    assert told["crossings"] > 100
    assert told["wrong"] == {}
    assert restarts(stack) == before | {"ingest": before["ingest"] + 1}
    print(f"shards taken over after {told['taken_s']} s")
