"""Bridges to other libraries, which are imported when a bridge is crossed and never before."""

import importlib


def require(library: str, function: str) -> None:
    """Refuse to go on without a library, and say how to get it."""
    try:
        importlib.import_module(library)
    except ImportError as error:
        raise ImportError(
            f"`rmfg.{function}` needs the library {library}, which cannot be imported ({error}). "
            'Install it with `pip install "rmfg[rl]"`.',
            name=library,
        ) from error
