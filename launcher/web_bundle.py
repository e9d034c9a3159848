"""The browser's part: built by npm, only when its sources changed."""

from __future__ import annotations

import os
from pathlib import Path

from launcher.commands import Runner
from launcher.files import fingerprint, hash_file, write_atomically
from launcher.installer import OFFLINE_ADVICE
from launcher.python_env import NODE_LOCK, VirtualEnvironment
from launcher.tools import find_node

# Tests and their settings do not reach the bundle.
NOT_SOURCES = ("node_modules", "dist", "tests", "test", "coverage")


class WebBundle:
    """``web/`` of a checkout.

    Parameters
    ----------
    root : Path
        The checkout.
    conda : Path, optional
        Conda environment whose Node.js is used.
    runner : Runner
        Runs npm.
    """

    def __init__(self, root: Path, conda: Path | None, runner: Runner) -> None:
        self.folder = root / "web"
        self.dist = self.folder / "dist"
        self.root = root
        self.conda = conda
        self.runner = runner

    @property
    def has_node(self) -> bool:
        """Whether Node.js is there; otherwise it comes with Python's packages."""
        return find_node(self.conda) is not None

    def ensure(self) -> str:
        """Build when needed; says in a word what was done.

        Raises
        ------
        LaunchError
            Packages cannot be fetched or the build fails.
        """
        sources = fingerprint(self.folder, NOT_SOURCES)
        stamp = self.dist / ".sandtable-stamp"
        if stamp.is_file() and stamp.read_text(encoding="utf-8") == sources:
            return "未变化 (unchanged)"
        env = self.ensure_packages()
        self.runner.run(
            ["npm", "run", "build"],
            env=env,
            cwd=self.folder,
            what="构建网页 (npm run build)",
            advice="查看上面的编译错误 (see the compiler's message above).",
        )
        write_atomically(stamp, sources, 0o644)
        return "已构建 (built)"

    def ensure_packages(self) -> dict[str, str]:
        """Fetch the packages of ``package-lock.json`` when it changed; returns npm's environment."""
        env = self._environment()
        stamp = self.folder / "node_modules" / ".sandtable-stamp"
        wanted = hash_file(self.folder / "package-lock.json")
        if not stamp.is_file() or stamp.read_text(encoding="utf-8") != wanted:
            self.runner.run(
                ["npm", "ci", "--no-audit", "--no-fund"],
                env=env,
                cwd=self.folder,
                what="安装网页依赖 (npm ci)",
                advice=OFFLINE_ADVICE,
            )
            write_atomically(stamp, wanted, 0o644)
        return env

    def _environment(self) -> dict[str, str]:
        folder = find_node(self.conda)
        if folder is None:
            environment = VirtualEnvironment(self.root, self.runner)
            environment.ensure(NODE_LOCK)
            folder = environment.folder / "bin"
        return {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', '')}"}
