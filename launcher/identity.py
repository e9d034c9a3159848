"""Under whom PostgreSQL and mosquitto run: never as root, even when the launcher is."""

from __future__ import annotations

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path

from launcher.exceptions import LaunchError
from launcher.files import walk

# initdb wants an account that stands in the password file; a bare uid will not do.
CANDIDATES = ("postgres", "nobody", "daemon")


@dataclass(frozen=True)
class Identity:
    """How to start a program as somebody other than root.

    Parameters
    ----------
    prefix : tuple of str
        Words to put before the program's own; empty when the launcher is not root.
    owner : tuple of int, optional
        uid and gid that must own the program's files; None where they may stay as they are.
    """

    prefix: tuple[str, ...] = ()
    owner: tuple[int, int] | None = None

    def can_enter(self, folder: Path) -> bool:
        """Whether the identity may pass through the folder and its parents."""
        return subprocess.run([*self.prefix, "test", "-x", str(folder)], capture_output=True).returncode == 0

    def take_over(self, folder: Path) -> None:
        """Give the folder and all in it to the identity, and make sure it can be reached.

        Raises
        ------
        LaunchError
            A parent folder is closed to the identity.
        """
        if self.owner is None:
            return
        folder.parent.chmod(folder.parent.stat().st_mode | 0o011)  # may be passed through, not listed
        os.chown(folder, *self.owner)
        for path in walk(folder, ()):
            os.chown(path, *self.owner, follow_symlinks=False)
            os.chown(path.parent, *self.owner)
        if not self.can_enter(folder):
            raise LaunchError(
                f"数据库账户无法进入 {folder} (a parent folder is closed to the database's account)",
                "将程序移到上级目录可进入的位置（如 /srv/sandtable），或以普通用户运行 "
                "(move the checkout under an open folder such as /srv/sandtable, or run as an ordinary user).",
            )


def choose_identity(uid: int | None = None) -> Identity:
    """Find out how this machine lets us leave root.

    A user namespace is tried first: it works below folders only root may enter, and files stay root's.
    Containers may forbid it; then the account is really changed and has to own the files.

    Raises
    ------
    LaunchError
        Neither way works.
    """
    if (os.geteuid() if uid is None else uid) != 0:
        return Identity()
    for name in CANDIDATES:
        try:
            account = pwd.getpwnam(name)
        except KeyError:
            continue
        namespace = ("unshare", "--user", f"--map-user={account.pw_uid}", f"--map-group={account.pw_gid}")
        if _works(namespace):
            return Identity(namespace)
        changed = ("setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--init-groups")
        if _works(changed):
            return Identity(changed, (account.pw_uid, account.pw_gid))
    raise LaunchError(
        "以 root 运行时无法切换到普通账户 (cannot leave root on this machine)",
        "以普通用户运行本命令 (run this as an ordinary user).",
    )


def _works(prefix: tuple[str, ...]) -> bool:
    try:
        return subprocess.run([*prefix, "true"], capture_output=True).returncode == 0
    except OSError:
        return False
