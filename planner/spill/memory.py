"""How much memory a query may take, and what is free on this machine.

Without a setting a query may take a share of what is available when it starts, so that nobody's
process is ended by the system for want of memory.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from bighead.zipline.errors import BigheadError

SHARE = 0.6
"""Of the memory that is available, what a query takes where nothing is set."""

LEAST = 1 << 20
"""Below a megabyte nothing can be worked on."""

_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12,
          "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40,
          "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40}  # fmt: skip
_SIZE = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([a-zA-Z]*)\s*")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a query may take; None is what the machine has."""

    memory: int | None = None
    """Bytes of memory for what is read, computed and given back."""
    disk: int | None = None
    """Bytes of files, where work goes to disk."""
    folder: Path | None = None
    """Where these files lie; None: the system's folder for temporary files."""


def parse_size(text: str | int, what: str) -> int:
    """Bytes, from '4GiB', '500 MB' or a number; `what` names it in the error.

    >>> parse_size("4GiB", "memory"), parse_size("1.5 kB", "memory"), parse_size(7, "memory")
    (4294967296, 1500, 7)
    """
    found = _SIZE.fullmatch(str(text))
    unit = None if found is None else _UNITS.get(found[2].lower())
    if found is None or unit is None:
        raise BigheadError(f"{what} of '{text}' is no size; write it as 4GiB or 500MB")
    return int(float(found[1]) * unit)


def limits_of(
    memory: str | int | None, disk: str | int | None, folder: Path | None = None
) -> Limits:
    """The limits as they were written. Raises BigheadError for what is no size, or too little."""
    bytes_ = None if memory is None else parse_size(memory, "a memory limit")
    if bytes_ is not None and bytes_ < LEAST:
        raise BigheadError(f"a memory limit of {memory} is too little; give at least 1MiB")
    return Limits(bytes_, None if disk is None else parse_size(disk, "a spill limit"), folder)


def spelled(size: float) -> str:
    """Bytes for a person.

    >>> spelled(4 << 30), spelled(1536), spelled(20)
    ('4.0 GiB', '1.5 KiB', '20 B')
    """
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(size) < 1024:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def allowed(limits: Limits) -> int | None:
    """Bytes that a query may take now; None where neither a setting nor the system says."""
    if limits.memory is not None:
        return limits.memory
    free = available()
    return None if free is None else int(free * SHARE)


def available() -> int | None:
    """Bytes that are available now, to the machine and to this control group; None if unknown."""
    sizes = []
    found = re.search(r"^MemAvailable:\s+([0-9]+) kB", _read("/proc/meminfo"), re.MULTILINE)
    if found is not None:
        sizes.append(int(found[1]) * 1024)
    most, used = _read("/sys/fs/cgroup/memory.max"), _read("/sys/fs/cgroup/memory.current")
    if most.strip().isdigit() and used.strip().isdigit():
        sizes.append(max(0, int(most) - int(used)))
    return min(sizes, default=None)


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return ""
