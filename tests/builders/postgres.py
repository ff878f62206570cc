"""A real PostgreSQL for tests: one cluster for a test run, a database of its own for each test.

Found on the machine, or unpacked by `tests/parts`. Its server listens on a socket in a temporary
folder and nowhere else, writes as safely as in operation (`fsync`), and runs as an ordinary user:
PostgreSQL refuses to run as root, so root starts it as `nobody`.
"""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import psycopg

from node.store.postgres.opening import PROOF, create
from node.store.postgres.place import Postgres
from node.store.postgres.sealing import Seal
from tests.builders.memory import disks

ROOT: Final = Path(__file__).resolve().parents[2]
UNPACKED: Final = ROOT / ".parts" / "postgresql"
_PLACES: Final = ("usr/lib/postgresql/*/bin", "usr/bin", "usr/local/bin", "usr/pgsql-*/bin")
_EMPTY: Final = """
DO $$
DECLARE one text;
BEGIN
    PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid();
    FOR one IN SELECT tablename FROM pg_tables WHERE schemaname = 'public'
        AND tablename NOT IN ('tenure', 'schema_files')
    LOOP
        EXECUTE 'DELETE FROM ' || one;
    END LOOP;
    UPDATE tenure SET fence = 0, commits = 0;
    FOR one IN SELECT sequencename FROM pg_sequences WHERE schemaname = 'public'
    LOOP
        EXECUTE 'ALTER SEQUENCE ' || one || ' RESTART';
    END LOOP;
END $$
"""
_SETTINGS: Final = {
    "listen_addresses": "",
    "shared_buffers": "32MB",
    "max_wal_size": "256MB",
    "max_connections": "60",
    "autovacuum": "off",  # databases here live for a second
    "jit": "off",  # its compiler is not unpacked
}


def find_postgres() -> Path | None:
    """Return the folder of PostgreSQL's programs, the newest found; None if there is none."""
    if (found := shutil.which("postgres")) and (Path(found).with_name("initdb")).exists():
        return Path(found).resolve().parent
    for root in (Path("/"), UNPACKED):
        for pattern in _PLACES:
            for folder in sorted(root.glob(pattern), reverse=True):
                if (folder / "postgres").exists() and (folder / "initdb").exists():
                    return folder
    return None


def _environment(programs: Path) -> dict[str, str]:
    """Libraries that were unpacked beside the programs are found there."""
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "UTC"}
    unpacked = _unpacked(programs)
    if unpacked is not None:
        libraries = [str(path) for path in unpacked.glob("usr/lib/*-linux-gnu")]
        environment["LD_LIBRARY_PATH"] = ":".join(libraries)
    return environment


def _unpacked(programs: Path) -> Path | None:
    """The folder into which these programs were unpacked, or a copy of it; None: the system's."""
    found = [
        one for one in programs.parents if one.name == UNPACKED.name and (one / "usr").is_dir()
    ]
    return found[-1] if found else None


@dataclass
class Cluster:
    """A PostgreSQL server of this test run."""

    programs: Path
    folder: Path
    settings: Mapping[str, str]
    server: subprocess.Popen[bytes] | None = None
    shared: dict[str, Postgres] = field(default_factory=dict)
    emptying: dict[str, psycopg.Connection[Any]] = field(default_factory=dict)

    def make(self) -> None:
        """Make its files."""
        if os.getuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
            self._bring_near()
        arguments = ("-D", self.folder / "data", "-U", "hotline", "-A", "trust", "--no-sync")
        self.run("initdb", *arguments, "-E", "UTF8", "--locale=C")

    def _bring_near(self) -> None:
        """Copy unpacked programs to where `nobody` may go: a clone in /root is root's alone."""
        unpacked = _unpacked(self.programs)
        if unpacked is not None:
            near = self.folder / UNPACKED.name
            shutil.copytree(unpacked, near, symlinks=True)
            self.programs = near / self.programs.relative_to(unpacked)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        places = ("-D", str(self.folder / "data"), "-k", str(self.folder))
        settings = [f"--{name}={value}" for name, value in self.settings.items()]
        with (self.folder / "log").open("ab") as log:
            server: subprocess.Popen[bytes] = subprocess.Popen(
                [self.programs / "postgres", *places, *settings],
                stdout=subprocess.DEVNULL,
                stderr=log,
                env=_environment(self.programs),
                cwd="/",
                start_new_session=True,  # Ctrl-C is for who uses it: it ends after them
                **_ordinary(),
            )
        self.server = server
        pid_file = self.folder / "data" / "postmaster.pid"
        while not (pid_file.exists() and "ready" in pid_file.read_text()):
            with suppress(subprocess.TimeoutExpired):
                server.wait(0.02)
                raise RuntimeError((self.folder / "log").read_text())

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it: SIGINT at once and cleanly, SIGQUIT as when its machine dies."""
        while self.emptying:
            self.emptying.popitem()[1].close()
        if self.server is not None:
            self.server.send_signal(how)
            self.server.wait()
            self.server = None

    @contextmanager
    def stopped(self, how: signal.Signals = signal.SIGINT) -> Iterator[None]:
        """Stop it, as `stop` does, and start it again after the block."""
        self.stop(how)
        try:
            yield
        finally:
            self.start()

    def url(self, database: str) -> str:
        """Return the URL of one of its databases."""
        return f"postgresql://hotline@/{database}?host={self.folder}"

    def new(self, template: str = "template0") -> Postgres:
        """Make a database and return its place."""
        name = f"store_{next(_numbers)}"
        self.do(f"CREATE DATABASE {name} TEMPLATE {template}")
        return Postgres(self.url(name))

    def emptied(self, key: bytes, name: str = "") -> Postgres:
        """Return the place of an empty store under `key`: the same one for every test.

        `name`: another one beside it, for tests that need several at once.
        """
        if name not in self.shared:
            made = self.new()
            create(made, key)
            self.shared[name] = made
        try:
            self._empty(name, key)
        except psycopg.OperationalError:  # a test ended every session, this one too
            del self.emptying[name]
            self._empty(name, key)
        return self.shared[name]

    def _empty(self, name: str, key: bytes) -> None:
        if name not in self.emptying:
            # Kept: a session's first look at every table costs more than emptying them all.
            self.emptying[name] = psycopg.connect(self.shared[name].url, autocommit=True)
        self.emptying[name].execute(_EMPTY)
        self.emptying[name].execute("UPDATE tenure SET proof = %s", [Seal(key).close(PROOF)])

    def rows(self, url: str, table: str) -> int:
        """How many rows a table has; 0 if it is not there."""
        with psycopg.connect(url, autocommit=True) as connection:
            try:
                row = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
            except psycopg.errors.UndefinedTable:
                return 0
        return 0 if row is None else int(row[0])

    def do(self, sql: str) -> None:
        """Run a statement of an administrator."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(sql.encode())

    def run(self, program: str, *arguments: object) -> None:
        """Run a program of the server to its end, as its user."""
        subprocess.run(
            [self.programs / program, *map(str, arguments)],
            check=True,
            capture_output=True,
            env=_environment(self.programs),
            cwd="/",
            **_ordinary(),
        )


def _ordinary() -> dict[str, Any]:
    """What makes a program run as an ordinary user."""
    if os.getuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": ()}


@contextmanager
def running_cluster(
    programs: Path, settings: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Cluster]:
    """Run a server for as long as the block lasts; `settings` go before those of tests."""
    folder = Path(tempfile.mkdtemp(prefix="hotline-pg-", dir=disks() or Path("/tmp")))  # noqa: S108 - `nobody` goes there
    cluster = Cluster(programs, folder, {**_SETTINGS, **settings})
    try:
        cluster.make()
        cluster.start()
        yield cluster
    finally:
        cluster.stop(signal.SIGQUIT)
        shutil.rmtree(folder, ignore_errors=True)


_numbers = itertools.count(1)
