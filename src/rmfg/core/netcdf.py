"""Datasets as netCDF, laid out in memory and written in one stroke.

HDF5 prints pages and names no cause where a disk is full; plain writing fails with one clear error.
"""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rmfg.core.files import NETCDF, check_target, write_whole

if TYPE_CHECKING:
    import xarray

# Where the superblock of HDF5 holds the end of the file, by the version of its format.
_END_OF_FILE = {0: 40, 1: 44, 2: 28, 3: 28}


def write_netcdf(
    dataset: "xarray.Dataset",
    path: str | os.PathLike[str],
    encoding: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """Write a dataset, whole or not at all."""
    check_target("path", path, NETCDF)
    content = _content(dataset, encoding or {})
    write_whole(path, lambda temporary: temporary.write_bytes(content))


def _content(dataset: "xarray.Dataset", encoding: Mapping[str, Mapping[str, Any]]) -> memoryview:
    import netCDF4
    from xarray.backends import NetCDF4DataStore

    # The memory grows; the number is where it starts, and the name is nobody's.
    file = netCDF4.Dataset("memory.nc", "w", memory=1 << 16)
    dataset.dump_to_store(NetCDF4DataStore(file), encoding=dict(encoding))
    return _trimmed(file.close())


def _trimmed(content: memoryview) -> memoryview:
    """The file without the memory behind its end, which its superblock names.

    A file that ends where it should cannot lose a byte unnoticed.
    """
    at = _END_OF_FILE.get(content[8])
    end = len(content) if at is None else int.from_bytes(content[at : at + 8], "little")
    return content[:end]
