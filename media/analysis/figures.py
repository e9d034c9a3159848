"""Figures of analysers, for the machine room and Prometheus."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

looked_total = Counter("sandtable_analysis_looked", "Pictures that analysers looked at", ["analyser"])
skipped_total = Counter(
    "sandtable_analysis_skipped", "Pictures not looked at: a newer one came before the analyser was ready", ["analyser"]
)
faults_total = Counter("sandtable_analysis_faults", "Times an analyser threw, died or did not answer", ["analyser"])
unreadable_total = Counter("sandtable_analysis_unreadable", "Pictures that could not be decoded", ["analyser"])
failed_now = Gauge("sandtable_analysis_failed", "1: the analyser failed lately, and nothing is concluded", ["analyser"])
waiting_now = Gauge("sandtable_analysis_waiting", "Pictures that wait for an analyser", ["analyser"])
look_seconds = Histogram(
    "sandtable_analysis_seconds",
    "From a picture's turn to its answer, decoding included",
    buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30),
)
blind_now = Gauge("sandtable_analysis_blind", "Tasks in force of which no picture was looked at for a while")
