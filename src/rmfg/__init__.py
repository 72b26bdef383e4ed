"""Distributionally robust mean-field games: certified stationary equilibria.

The public names are those of `__init__.pyi`, one a line; each is imported when it is first used,
so that the command line answers before JAX has been loaded.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
