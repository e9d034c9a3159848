"""A database address as the PostgreSQL programs want it: in their environment, where ``ps`` does not show it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from launcher.exceptions import LaunchError


@dataclass(frozen=True)
class DatabaseAddress:
    """The parts of ``postgres://user:password@host:port/name?option=value``."""

    user: str
    password: str
    host: str
    port: int
    name: str
    options: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, url: str) -> DatabaseAddress:
        """Take an address apart.

        Raises
        ------
        LaunchError
            It is none of PostgreSQL's or names no database.
        """
        parts = urlsplit(url)
        name = unquote(parts.path.lstrip("/"))
        if parts.scheme not in ("postgres", "postgresql", "postgis") or not name:
            raise LaunchError(
                "DATABASE_URL 格式错误 (DATABASE_URL is malformed)",
                "应为 postgres://用户:口令@主机:端口/库名 (postgres://user:password@host:port/name).",
            )
        return cls(
            unquote(parts.username or ""),
            unquote(parts.password or ""),
            parts.hostname or "127.0.0.1",
            parts.port or 5432,
            name,
            tuple(parse_qsl(parts.query)),
        )

    def url(self) -> str:
        """The address in one piece."""
        user = quote(self.user, safe="")
        password = f":{quote(self.password, safe='')}" if self.password else ""
        return f"postgres://{user}{password}@{self.host}:{self.port}/{quote(self.name, safe='')}"

    def environment(self) -> dict[str, str]:
        """Variables ``psql``, ``pg_dump`` and ``pg_restore`` read."""
        values = {
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGUSER": self.user,
            "PGPASSWORD": self.password,
            "PGDATABASE": self.name,
            "PGCONNECT_TIMEOUT": "10",
            "PGCLIENTENCODING": "UTF8",
        }
        values.update({f"PG{key.upper()}": value for key, value in self.options})
        return values
