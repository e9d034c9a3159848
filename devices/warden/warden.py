"""The warden's loop."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

import psycopg
from prometheus_client import Counter

from devices.ingest.decode import Refused
from devices.ingest.ledger import count_refusals, write_refusals
from devices.process import PATIENCE
from devices.warden.brokerlog import BrokerLog, Place
from devices.warden.passwords import reload_broker, write_passwords
from gis.notices import listen

logger = logging.getLogger(__name__)

POLL_S = 0.2
# What mosquitto is asked while it reads its files it forgets: it is asked again, the later the longer it takes.
ASK_AGAIN_S, ASK_AGAIN_MOST_S = 1.0, 60.0

keys_total = Counter("sandtable_warden_key_files", "Times the broker's key file was written anew")
failures_total = Counter("sandtable_warden_failures", "Handovers that failed and were tried again")


class Warden:
    """One a private broker.

    Parameters
    ----------
    broker_dir : Path
        Where the broker's files are.
    database : dict
        Keyword arguments of :func:`psycopg.connect`.
    """

    def __init__(self, broker_dir: Path, database: dict) -> None:
        self._dir = broker_dir
        self._database = database
        self._changed = threading.Event()
        self._stopping = threading.Event()
        self._untold = True  # whoever wrote the keys before us may not have reached the broker
        self._log = BrokerLog(broker_dir / "mosquitto.log")
        self._asked: Place | None = None  # where its log ended when the broker was asked; None: it has answered
        self._ask_again_at = 0.0
        self._patience_s = ASK_AGAIN_S

    def stop(self) -> None:
        """End within a second."""
        self._stopping.set()

    def once(self) -> None:
        """Hand the present keys over, so that devices are known before they first call."""
        self._changed.set()
        self._hand_over([])

    def run(self) -> None:
        """Work until stopped."""
        threading.Thread(target=self._watch, name="notices", daemon=True).start()
        unwritten: list[Refused] = []
        while not self._stopping.wait(POLL_S):
            # While the database is away the log keeps what comes, not this process.
            unwritten = unwritten or self._log.refusals()
            try:
                self._hand_over(unwritten)
            except psycopg.Error as error:
                failures_total.inc()
                logger.warning("warden: %s; trying again", str(error).strip())
                self._stopping.wait(1)
            else:
                unwritten = []
                self._log.done()
            self._tell_broker()

    def _hand_over(self, refused: list[Refused]) -> None:
        keys_changed = self._changed.is_set()
        if not refused and not keys_changed:
            return
        with psycopg.connect(**PATIENCE | self._database) as connection, connection.cursor() as cursor:
            if keys_changed:
                self._changed.clear()
                try:
                    written = write_passwords(cursor, self._dir)
                except BaseException:
                    self._changed.set()
                    raise
                # A broker that is just starting may have read the old file already.
                self._untold |= written
                keys_total.inc(written)
                self._tell_broker()
            write_refusals(cursor, refused)
        count_refusals(refused)

    def _tell_broker(self) -> None:
        """Ask the broker to read its keys, until its log says that it does: a key that was revoked must not stay."""
        now = time.monotonic()
        if self._untold:
            self._patience_s = ASK_AGAIN_S
        elif self._asked is None:
            return
        elif self._log.reloaded_since(self._asked):
            logger.info("warden: the broker knows the keys")
            self._asked = None
            return
        elif now < self._ask_again_at:
            return
        else:
            self._patience_s = min(self._patience_s * 2, ASK_AGAIN_MOST_S)
        self._asked = self._log.end()
        self._ask_again_at = now + self._patience_s
        self._untold = not reload_broker(self._dir)  # no broker: it is told when it is there

    def _watch(self) -> None:
        for _topics in listen({"devices"}, stop=self._stopping, parameters=self._database):
            self._changed.set()
