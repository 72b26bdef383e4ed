"""What does not fit into this machine's memory is refused before anything is allocated."""

import os
import re

# Where the system does not say how much memory there is.
ASSUMED = 1 << 36
BYTES = 8
UNITS = ((1 << 60, "EiB"), (1 << 50, "PiB"), (1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"))


def affordable(names: str, numbers: int, what: str = "the game") -> None:
    """Refuse sizes with which something needs at least so many numbers of eight bytes.

    Raises ValueError with the memory that it would take. A size that passes may still be too large,
    for what solving needs comes on top.
    """
    needed, there = BYTES * numbers, memory()
    if needed > there:
        shown = re.sub(r"\b(?!and\b)\w+", r"`\g<0>`", names)
        raise ValueError(
            f"{shown} too large: {what} would need at least {_shown(needed)} of memory, and this "
            f"machine has {_shown(there)}. Choose fewer."
        )


def memory() -> int:
    """The bytes of memory of this machine."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return ASSUMED


def _shown(count: int) -> str:
    for size, unit in UNITS:
        if count >= size:
            whole = count // size
            return f"{whole:,} {unit}" if whole < 10**9 else f"10^{len(str(whole)) - 1} {unit}"
    return f"{count} bytes"
