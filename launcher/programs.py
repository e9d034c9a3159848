"""What the supervisor runs: the private servers and the Procfile's processes, each with how to know it is ready."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from launcher import readiness
from launcher.broker import Broker
from launcher.cluster import Cluster
from launcher.commands import Runner
from launcher.configuration import ROOT, Installation
from launcher.identity import choose_identity
from launcher.procfile import expand, instances, line_of, wanted_processes
from launcher.python_env import python_of
from launcher.revision import revision
from launcher.tools import conda_prefix

# Processes that listen on SANDTABLE_METRICS_PORT before they are ready; web needs an answer besides.
WITH_METRICS = ("ingest", "web")


@dataclass(frozen=True)
class Program:
    """One process to keep.

    Parameters
    ----------
    ready : callable, optional
        Tells whether it serves; None: being alive for a moment is enough.
    before : callable
        Clears away what an earlier run left; called in a thread before every start.
    stop_signal, patience_s : signal, float
        How to ask it to end, and how long to wait before killing it.
    """

    name: str
    argv: list[str]
    env: dict[str, str]
    folder: Path
    ready: Callable[[], Awaitable[bool]] | None = None
    before: Callable[[], None] = field(default=lambda: None)
    stop_signal: signal.Signals = signal.SIGTERM
    patience_s: float = 12.0


def service_programs(installation: Installation) -> list[Program]:
    """The private servers, those of them this installation has."""
    programs = []
    env = installation.environment()
    runner = Runner(installation.logs / "up.log")
    identity = choose_identity() if installation.private_database or installation.private_broker else None
    if identity and installation.private_database:
        cluster = Cluster(installation, identity, runner)
        programs.append(
            Program(
                "postgres",
                cluster.command(),
                env,
                cluster.data,
                ready=lambda: readiness.postgres(installation.port("postgres")),
                before=cluster.clear_remains,
                stop_signal=signal.SIGINT,  # "fast": do not wait for clients to leave
                patience_s=60.0,
            )
        )
    if identity and installation.private_broker:
        broker = Broker(installation, identity)
        programs.append(
            Program(
                "broker",
                broker.command(),
                env,
                broker.folder,
                ready=lambda: readiness.broker(installation.broker_address()),
                before=broker.clear_remains,
            )
        )
    return programs


def platform_programs(installation: Installation, procfile: Path = ROOT / "Procfile") -> list[Program]:
    """The Procfile's processes, those of them this installation has, in the file's order."""
    programs = []
    python = str(python_of(ROOT, conda_prefix()))
    common = {**installation.environment(), "SANDTABLE_REVISION": revision()}
    for line, words in wanted_processes(procfile, installation.private_broker, installation.demo).items():
        for number, name in enumerate(instances(line, installation.processes.get(line, 1)), 1):
            port = installation.metrics_port(name)
            own = {"SANDTABLE_METRICS_PORT": str(port), "SANDTABLE_PROCESS": name, "PROCESS_NUMBER": str(number)}
            env = {**common, **own}
            argv = expand(words, env)
            if argv[0] == "python":
                argv[0] = python
            programs.append(Program(name, argv, env, ROOT, ready=_ready(name, installation, port)))
    return programs


def _ready(name: str, installation: Installation, port: int) -> Callable[[], Awaitable[bool]] | None:
    if line_of(name) == "web":
        return lambda: _web_ready(installation, port)
    if line_of(name) in WITH_METRICS:
        return lambda: readiness.listens(port)
    return None


async def _web_ready(installation: Installation, port: int) -> bool:
    """Whether this very process serves: on a port that several share, another one may answer."""
    return await readiness.listens(port) and await readiness.answers(installation.url + "/healthz", installation.name)
