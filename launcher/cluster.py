"""The private PostgreSQL cluster: loopback only, passwords only, never as root."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Sequence

from launcher.commands import Runner
from launcher.configuration import Installation
from launcher.database_url import DatabaseAddress
from launcher.exceptions import LaunchError
from launcher.files import write_atomically
from launcher.identity import Identity
from launcher.processes import end, program_name, working_in
from launcher.tools import Postgres, choose_client, choose_postgres, conda_prefix

MIB = 1024 * 1024
HBA = "# Written by ./sandtable at every start.\nhost all all 127.0.0.1/32 scram-sha-256\n"


def memory_mib() -> int:
    """Memory of this machine in MiB."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // MIB


def shared_memory_mib(folder: str = "/dev/shm") -> int:  # noqa: S108  (looked at, not written to)
    """Free room for POSIX shared memory in MiB; containers are often given 64."""
    try:
        return shutil.disk_usage(folder).free // MIB
    except OSError:
        return 0


def settings(port: int, throwaway: bool, memory: int, shared: int) -> str:
    """Text of ``postgresql.conf``.

    Parameters
    ----------
    port : int
        Loopback port.
    throwaway : bool
        Whether the data may be lost with the machine (tests).
    memory, shared : int
        Memory of the machine and room in ``/dev/shm``, MiB.
    """
    values: dict[str, str | int] = {
        "listen_addresses": "'127.0.0.1'",
        "port": port,
        # A socket's path may have some hundred characters only; a checkout's may be longer.
        "unix_socket_directories": "''",
        "password_encryption": "'scram-sha-256'",
        "max_connections": 100,
        "shared_buffers": f"{max(64, min(1024, memory // 8))}MB",
        "effective_cache_size": f"{max(256, memory // 2)}MB",
        "work_mem": "16MB",
        "maintenance_work_mem": "128MB",
        "max_wal_size": "4GB",
        "checkpoint_timeout": "15min",
        "wal_compression": "on",
        "random_page_cost": "1.1",
        # Compiling a query takes longer than most of ours run.
        "jit": "off",
        "timezone": "'UTC'",
        "log_timezone": "'UTC'",
        "lc_messages": "'C'",
        "log_destination": "'stderr'",
        "log_line_prefix": "'%m [%p] %u@%d '",
        "log_checkpoints": "off",
        "log_autovacuum_min_duration": -1,
    }
    if shared < 512:
        values["dynamic_shared_memory_type"] = "mmap"
    if throwaway:
        # Killed servers still lose nothing they committed: only the machine's own fall would.
        values.update(fsync="off", full_page_writes="off")
    return "# Written by ./sandtable at every start.\n" + "".join(f"{key} = {value}\n" for key, value in values.items())


class Cluster:
    """A private cluster of one installation.

    Parameters
    ----------
    installation : Installation
        Whose it is.
    identity : Identity
        Under whom it runs.
    runner : Runner
        Runs PostgreSQL's programs.
    """

    def __init__(self, installation: Installation, identity: Identity, runner: Runner) -> None:
        self.installation = installation
        self.identity = identity
        self.runner = runner
        self.folder = installation.database_folder
        self.data = self.folder / "data"
        self.server = choose_postgres(conda_prefix(), self.data_major())

    def data_major(self) -> int | None:
        """Major version of the data folder; None where there is none yet."""
        path = self.data / "PG_VERSION"
        return int(path.read_text(encoding="utf-8")) if path.exists() else None

    def command(self) -> list[str]:
        """The server in the foreground, as the supervisor starts it."""
        return [*self.identity.prefix, self.server.program("postgres"), "-D", str(self.data)]

    def ensure_data(self) -> bool:
        """Make the data folder when there is none, and write its settings; True when it is new."""
        new = self.data_major() is None
        self.folder.mkdir(parents=True, exist_ok=True)
        if new:
            self._initialise()
        write_atomically(
            self.data / "postgresql.conf",
            settings(
                self.installation.port("postgres"), self.installation.throwaway, memory_mib(), shared_memory_mib()
            ),
        )
        write_atomically(self.data / "pg_hba.conf", HBA)
        self.identity.take_over(self.folder)
        return new

    def _initialise(self) -> None:
        # In a folder beside, then renamed: an interrupted attempt leaves nothing that looks finished.
        fresh = self.folder / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(self.data, ignore_errors=True)
        password = self.folder / "password"
        write_atomically(password, self.installation.secrets["database_superuser"] + "\n")
        self.identity.take_over(self.folder)
        try:
            self.runner.run(
                [
                    *self.identity.prefix, self.server.program("initdb"), "-D", str(fresh), "-U", "postgres",
                    "--auth=scram-sha-256", f"--pwfile={password}", "-E", "UTF8", "--locale=C.UTF-8",
                ],
                cwd=self.folder,
                what="初始化数据库 (initdb)",
                advice="检查磁盘空间与数据目录权限 (check disk space and the folder's rights).",
            )  # fmt: skip
        finally:
            password.unlink(missing_ok=True)
        fresh.rename(self.data)

    def clear_remains(self) -> None:
        """End backends a killed postmaster left behind, and drop its pid file.

        They hold the shared memory a new postmaster needs. A pid file from before a reboot may name an innocent
        process; nobody working in the data folder means nobody serves it.
        """
        if remains := [pid for pid in working_in(self.data) if program_name(pid) == "postgres"]:
            end(remains, signal.SIGQUIT, 3.0)
        if not working_in(self.data):
            (self.data / "postmaster.pid").unlink(missing_ok=True)

    def ensure_database(self) -> None:
        """Make the application's account, its database and PostGIS inside, whatever of it is missing."""
        installation = self.installation
        superuser = installation.superuser_address()
        application = installation.database_address()
        login = "LOGIN CREATEDB" if installation.throwaway else "LOGIN"
        psql(
            self.server,
            superuser,
            self.runner,
            f"SELECT 'CREATE ROLE {application.user}' WHERE NOT EXISTS "  # noqa: S608  (our own names)
            f"(SELECT FROM pg_roles WHERE rolname = '{application.user}') \\gexec\n"
            f"ALTER ROLE {application.user} {login} PASSWORD '{application.password}';\n"
            f"SELECT 'CREATE DATABASE {application.name} OWNER {application.user}' WHERE NOT EXISTS "
            f"(SELECT FROM pg_database WHERE datname = '{application.name}') \\gexec\n",
        )
        # Tests make databases of their own, from the template, without being superuser.
        for name in (application.name, "template1") if installation.throwaway else (application.name,):
            psql(self.server, _within(superuser, name), self.runner, "CREATE EXTENSION IF NOT EXISTS postgis;\n")

    def recreate_database(self) -> None:
        """Drop the application's database with all in it, and make it anew, empty."""
        psql(
            self.server,
            self.installation.superuser_address(),
            self.runner,
            f"DROP DATABASE IF EXISTS {self.installation.database_address().name} WITH (FORCE);\n",
        )
        self.ensure_database()


def _within(address: DatabaseAddress, name: str) -> DatabaseAddress:
    return DatabaseAddress(address.user, address.password, address.host, address.port, name, address.options)


def psql(client: Postgres, address: DatabaseAddress, runner: Runner, script: str) -> str:
    """Run SQL and return its rows, fields parted by ``|``.

    Raises
    ------
    LaunchError
        The server cannot be reached or refuses.
    """
    folder = runner.log.parent
    folder.mkdir(parents=True, exist_ok=True)
    # A file, not an argument: the script may hold a password, and arguments are everybody's to read.
    path = folder / f".psql-{os.getpid()}.sql"
    write_atomically(path, script)
    try:
        return runner.output(
            [client.program("psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-f", str(path)],
            env={**os.environ, **address.environment()},
            advice="检查数据库是否运行、地址与口令是否正确 (check that the database runs, its address and password).",
        )
    finally:
        path.unlink(missing_ok=True)


def check_external(address: DatabaseAddress, runner: Runner) -> str:
    """See that somebody else's server can be reached and has PostGIS; returns PostGIS's version.

    Raises
    ------
    LaunchError
        It cannot, or PostGIS is not there and may not be made by this account.
    """
    client = choose_client(conda_prefix())
    try:
        psql(client, address, runner, "CREATE EXTENSION IF NOT EXISTS postgis;\n")
    except LaunchError as error:
        raise LaunchError(
            f"外部数据库不可用或缺少 PostGIS (the existing database cannot be used): {error}",
            f"请其管理员在库 {address.name} 中执行 CREATE EXTENSION postgis，并检查地址与口令 "
            "(have its administrator create the extension; check address and password).",
            error.output,
        ) from error
    return psql(client, address, runner, "SELECT postgis_lib_version();\n").strip()


def client_for(installation: Installation) -> Postgres:
    """The PostgreSQL programs that fit the installation's database."""
    if not installation.private_database:
        return choose_client(conda_prefix())
    version = installation.database_folder / "data" / "PG_VERSION"
    return choose_postgres(conda_prefix(), int(version.read_text(encoding="utf-8")) if version.exists() else None)


def applied_migrations(installation: Installation, runner: Runner) -> list[str]:
    """Names ``app.migration`` the database has been through; empty for a new one."""
    client, address = client_for(installation), installation.database_address()
    there = psql(client, address, runner, "SELECT to_regclass('django_migrations') IS NOT NULL;\n").strip()
    if there != "t":
        return []
    rows: Sequence[str] = psql(
        client, address, runner, "SELECT app || '.' || name FROM django_migrations ORDER BY id;\n"
    ).splitlines()
    return [row for row in rows if row]
