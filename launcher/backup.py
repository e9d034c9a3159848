"""Backup and restore: the database, the keys without which it cannot be read, the uploaded and the archived files."""

from __future__ import annotations

import io
import json
import os
import shutil
import tarfile
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from launcher.backup_archive import ARCHIVE, archive_folder, collect, damaged, named, put_back
from launcher.cluster import Cluster, applied_migrations, client_for, psql
from launcher.commands import Runner
from launcher.configuration import ROOT, Installation
from launcher.exceptions import LaunchError
from launcher.files import private_folder
from launcher.identity import choose_identity
from launcher.migrations import known_migrations
from launcher.python_env import python_of
from launcher.revision import revision
from launcher.tools import conda_prefix

FORMAT = 1
DUMP, SECRETS, ABOUT = "database.dump", "secrets.json", "backup.json"
# Device credentials of the demo stand in the dump as hashes: the file goes with it.
FOLDERS = ("files", "demo")
# Keys the data was written with. Passwords of the servers stay this machine's own.
KEPT_SECRETS = ("secret_key", "data_key")
# What belongs to PostGIS and to the server, not to our account.
NOT_RESTORED = (
    " EXTENSION - ", " COMMENT - EXTENSION ", " SCHEMA - public ", " COMMENT - SCHEMA public ",
    " TABLE DATA public spatial_ref_sys ",
)  # fmt: skip


class Backup:
    """Writes and reads backups of one installation.

    Parameters
    ----------
    installation : Installation
        Whose data it is; its database must be running.
    runner : Runner
        Runs PostgreSQL's programs.
    """

    def __init__(self, installation: Installation, runner: Runner) -> None:
        self.installation = installation
        self.runner = runner

    def write(self, path: Path, *, archive: bool = False) -> None:
        """Write a backup only its owner may read; it appears whole or not at all.

        Parameters
        ----------
        path : Path
            Where to.
        archive : bool
            With the archived days of the history, where they lie in a folder.

        Raises
        ------
        LaunchError
            The database cannot be dumped or the file cannot be written.
        """
        try:
            if path.parent == self.installation.var / "backups":
                private_folder(path.parent)
            with tempfile.TemporaryDirectory(dir=self.installation.var, prefix="backup-") as folder:
                dump, archived = Path(folder, DUMP), Path(folder, ARCHIVE)
                source = archive_folder(self.installation) if archive else None
                if source is not None:
                    collect(source, archived)
                self._dump(dump)
                if source is not None:
                    collect(source, archived)
                temporary = path.with_name(f".{path.name}.{os.getpid()}")
                try:
                    self._pack(temporary, dump, archived if source is not None else None)
                    temporary.replace(path)
                finally:
                    temporary.unlink(missing_ok=True)
        except OSError as error:
            raise LaunchError(
                f"无法写入备份 (cannot write the backup): {error}", "检查磁盘空间与权限 (check disk space and rights)."
            ) from error

    def _dump(self, path: Path) -> None:
        client, address = client_for(self.installation), self.installation.database_address()
        self.runner.run(
            [client.program("pg_dump"), "--format=custom", "--no-owner", "--no-acl", f"--file={path}"],
            env={**os.environ, **address.environment()},
            what="导出数据库 (pg_dump)",
            advice="确认数据库正在运行：./sandtable up (see that the database runs).",
        )

    def _pack(self, path: Path, dump: Path, archived: Path | None) -> None:
        about = {
            "format": FORMAT,
            "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "revision": revision(),
            "city": self.installation.city,
            "demo": self.installation.demo,
            "migrations": applied_migrations(self.installation, self.runner),
            "archive": archived is not None,
            # Without them in it, what has to be copied beside it.
            "archived": [asdict(file) for file in named(self.installation, self.runner)],
        }
        secrets = {name: self.installation.secrets[name] for name in KEPT_SECRETS}
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file, tarfile.open(fileobj=file, mode="w") as archive:
            for name, values in ((ABOUT, about), (SECRETS, secrets)):
                data = json.dumps(values, indent=1, ensure_ascii=False).encode()
                member = tarfile.TarInfo(name)
                member.size, member.mode = len(data), 0o600
                archive.addfile(member, io.BytesIO(data))
            archive.add(dump, DUMP)
            if archived is not None and archived.is_dir():
                archive.add(archived, ARCHIVE)
            for name in FOLDERS:
                if (self.installation.var / name).is_dir():
                    archive.add(self.installation.var / name, name)

    @staticmethod
    def about(path: Path) -> dict:
        """What a backup says of itself.

        Raises
        ------
        LaunchError
            The file is no backup, or of a format this code does not know.
        """
        try:
            with tarfile.open(path) as archive:
                file = archive.extractfile(ABOUT)
                values = json.load(file) if file else {}
        except (OSError, KeyError, ValueError, tarfile.TarError) as error:
            raise LaunchError(f"{path} 不是沙盘备份 (not a Sandtable backup): {error}") from error
        if values.get("format") != FORMAT:
            raise LaunchError(f"备份格式 {values.get('format')} 无法识别 (unknown format)")
        return values

    def check_code(self, about: dict) -> None:
        """Refuse a backup of newer code before anything is touched.

        Raises
        ------
        LaunchError
            The backup has been through migrations this code does not know.
        """
        python = python_of(ROOT, conda_prefix())
        known = known_migrations(python, self.installation.environment(), self.runner)
        if newer := sorted(set(about["migrations"]) - known):
            raise LaunchError(
                f"备份来自更新的程序 (the backup is of newer code): {', '.join(newer[:5])}",
                f"先切换到备份时的版本 (first check out its revision): {about['revision']}",
            )

    def restore(self, path: Path) -> list[str]:
        """Put the database, the keys and the files back as the backup has them; processes must be stopped.

        Returns
        -------
        list of str
            Archived days that the database names and that are missing or damaged; of an archive that is no folder
            nothing is known.

        Raises
        ------
        LaunchError
            The backup is damaged or the database refuses it.
        """
        about = self.about(path)
        with tempfile.TemporaryDirectory(dir=self.installation.var, prefix="restore-") as name:
            folder = Path(name)
            try:
                unpack(path, folder)
                secrets = json.loads((folder / SECRETS).read_text(encoding="utf-8"))
                kept = {key: str(secrets[key]) for key in KEPT_SECRETS}
            except (OSError, KeyError, ValueError, tarfile.TarError) as error:
                raise LaunchError(f"备份已损坏 (the backup is damaged): {error}") from error
            self._empty_database()
            self._load(folder / DUMP)
            for item in FOLDERS:
                shutil.rmtree(self.installation.var / item, ignore_errors=True)
                if (folder / item).exists():
                    (folder / item).rename(self.installation.var / item)
            # Where the archive is no folder, they wait in the usual place for somebody to copy them there.
            put_back(folder / ARCHIVE, archive_folder(self.installation) or self.installation.var / "archive")
        self.installation.secrets.update(kept)
        self.installation.city, self.installation.demo = about["city"], about["demo"]
        self.installation.prepared = ""
        self.installation.save()
        place = archive_folder(self.installation)
        return [] if place is None else damaged(place, named(self.installation, self.runner))

    def _empty_database(self) -> None:
        installation = self.installation
        if installation.private_database:
            Cluster(installation, choose_identity(), self.runner).recreate_database()
            return
        # Everything our account made; what the server's administrator made (PostGIS) stays.
        psql(
            client_for(installation),
            installation.database_address(),
            self.runner,
            "DROP OWNED BY CURRENT_USER CASCADE;\nCREATE SCHEMA IF NOT EXISTS public;\n"
            "CREATE EXTENSION IF NOT EXISTS postgis;\n",
        )

    def _load(self, dump: Path) -> None:
        client, address = client_for(self.installation), self.installation.database_address()
        program = client.program("pg_restore")
        contents = self.runner.output([program, "--list", str(dump)]).splitlines()
        chosen = dump.with_name("contents")
        chosen.write_text(
            "\n".join(line for line in contents if not any(word in line for word in NOT_RESTORED)) + "\n",
            encoding="utf-8",
        )
        self.runner.run(
            [
                program, "--no-owner", "--no-acl", "--exit-on-error", "--jobs=2", f"--use-list={chosen}",
                f"--dbname={address.name}", str(dump),
            ],
            env={**os.environ, **address.environment()},
            what="导入数据库 (pg_restore)",
            advice="备份未能导入，数据库现为空，可重新 restore (the database is now empty; restore again).",
        )  # fmt: skip


def unpack(path: Path, folder: Path) -> None:
    """Take out the members a backup has, as plain files below ``folder``; nothing else a file may hold.

    Raises
    ------
    tarfile.TarError, OSError
        The file cannot be read.
    ValueError
        A member would land elsewhere.
    """
    with tarfile.open(path) as archive:
        for member in archive:
            parts = Path(member.name).parts
            if not member.isfile() or parts[0] not in (DUMP, SECRETS, ABOUT, ARCHIVE, *FOLDERS):
                continue
            if ".." in parts:
                raise ValueError(member.name)
            target = folder.joinpath(*parts)
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            content = archive.extractfile(member)
            if content is None:
                raise ValueError(member.name)
            descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, member.mode & 0o700)
            with content, os.fdopen(descriptor, "wb") as file:
                shutil.copyfileobj(content, file)


def default_path(installation: Installation) -> Path:
    """Where a backup goes when no file is named."""
    return installation.var / "backups" / f"sandtable-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.tar"
