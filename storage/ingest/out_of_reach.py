"""Whether a file that is not found is gone, or cannot be reached for a while.

Whoever takes a file for gone forgets how far it was read, and reads it from its start when it comes
back. But nothing is gone of a folder that does not answer, or may not be looked into; and where a
disk is not mounted there is an empty folder, which lies on another disk.
"""

from __future__ import annotations

import os
from pathlib import Path

from bighead.storage.ingest.positions import FileAt

UNMOUNTED = "no disk is mounted there"


def out_of_reach(at: FileAt, disk: int) -> str:
    """Why a file that was not found may still be there; empty: it is gone, or has another name.

    disk: the device of its folder when it was found there.
    """
    path = Path(at.path)
    try:
        try:
            found = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return UNMOUNTED if _disk(path.parent) != disk else ""
        if (found.st_dev, found.st_ino) == (at.device, at.inode):
            os.scandir(path.parent).close()  # whose names could not be read, where this fails
    except OSError as error:
        return reason_of(error)
    return ""


def _disk(folder: Path) -> int:
    """The device of a folder, or of the nearest one above it that there is."""
    while True:
        try:
            return folder.stat().st_dev
        except (FileNotFoundError, NotADirectoryError):
            if folder == folder.parent:
                raise
            folder = folder.parent


def reason_of(error: OSError) -> str:
    """What the system says."""
    return error.strerror or str(error)
