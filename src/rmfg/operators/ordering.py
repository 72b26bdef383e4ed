"""In which order the states of a sparse chain are eliminated, and where the numbers go meanwhile.

Eliminating a state joins all its neighbors. An order that eliminates states of few neighbors first
keeps the chain sparse (minimum degree; SuperLU computes it, and the pattern that results, from a
symmetric matrix of the same pattern). States with the same later neighbors are gathered into
fronts: small dense tables that are eliminated with dense arithmetic, and whose rest is added to the
front above (the multifrontal method of Duff & Reid 1983). All of it depends on the pattern alone,
so that the next chain of the same pattern takes it from the cache.
"""

import functools
import itertools
from typing import NamedTuple

import numpy as np
import scipy.sparse
import scipy.sparse.linalg

# Up to this many states one dense table is faster than many small ones, and so it is where more
# than one entry in eight is positive.
DENSE_UP_TO = 150
DENSE_SHARE = 1 / 8
# Whole branches up to this size make one front: fewer tables, at the price of some zeros.
BRANCH = 24


class Front(NamedTuple):
    """The states first ... first + size - 1 of the order, eliminated in one dense table.

    `rest` are their later neighbors (as places in the order), `parent` the front that takes over
    what is left, at its rows and columns `home`. The numbers `numbers` of the chain go to the
    cells `cells` of the table, which is read row by row and has one column more than rows (None: all
    numbers, row by row).
    """

    first: int
    size: int
    rest: np.ndarray
    parent: int
    home: np.ndarray
    numbers: np.ndarray
    cells: np.ndarray | None


class Plan(NamedTuple):
    """The order of elimination (`order[place]` is a state) and its fronts."""

    order: np.ndarray
    fronts: tuple[Front, ...]


def plan(chain: scipy.sparse.csr_array) -> Plan:
    """Return the order for a chain of positive entries without a diagonal."""
    size = chain.indptr.size - 1
    return _plan(size, chain.indptr.tobytes(), chain.indices.tobytes(), chain.indices.dtype.str)


def one_table(size: int, entries: int) -> bool:
    """Whether a chain is best eliminated as one dense table."""
    return size <= DENSE_UP_TO or entries > DENSE_SHARE * size**2


def one_front(size: int) -> Plan:
    """Return the plan for one dense table, whose numbers come row by row."""
    nothing = np.zeros(0, np.int64)
    return Plan(np.arange(size), (Front(0, size, nothing, -1, nothing, nothing, None),))


@functools.lru_cache(maxsize=32)
def _plan(size: int, starts: bytes, targets: bytes, kind: str) -> Plan:
    columns = np.frombuffer(targets, kind).astype(np.int64)
    rows = np.repeat(np.arange(size), np.diff(np.frombuffer(starts, kind)))
    place, later = _filled(size, rows, columns)
    order = np.empty(size, np.int64)
    order[place] = np.arange(size)
    firsts, rests = _branches(later)
    return Plan(order, _fronts(place[rows], place[columns], firsts, rests, size))


def _filled(size: int, rows: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, list]:
    """The place of each state, and the later neighbors of each place once it is eliminated."""
    ones = np.ones(rows.size)
    joined = scipy.sparse.csc_array((ones, (rows, columns)), shape=(size, size))
    joined = joined + joined.T
    joined.data[:] = -1
    # A dominant diagonal: no pivoting, no cancellation, hence the exact pattern.
    heavy = scipy.sparse.diags_array(np.diff(joined.indptr) + 1.0)
    factors = scipy.sparse.linalg.splu(
        (joined + heavy).tocsc(),
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0,
        options={"SymmetricMode": True},
    )
    lower = factors.L.tocsc()
    lower.sort_indices()
    # The first later neighbor of each place: the tree of who is eliminated below whom.
    parents = np.full(size, size)
    inner = np.flatnonzero(np.diff(lower.indptr) > 1)
    parents[inner] = lower.indices[lower.indptr[inner] + 1]
    moved = _branch_by_branch(parents.tolist())
    sources = np.repeat(moved, np.diff(lower.indptr))
    lower = scipy.sparse.csc_array((lower.data, (moved[lower.indices], sources)), (size, size))
    lower.sort_indices()
    later = [lower.indices[a + 1 : b] for a, b in zip(lower.indptr, lower.indptr[1:], strict=False)]
    return moved[factors.perm_c], later


def _branch_by_branch(parents: list[int]) -> np.ndarray:
    """New places such that each branch of the tree is one run of places, its root the last."""
    size = len(parents)
    sizes = [1] * size + [0]
    for place, parent in enumerate(parents):
        sizes[parent] += sizes[place]
    moved, free = np.empty(size, np.int64), [0] * (size + 1)
    for place in reversed(range(size)):
        parent = parents[place]
        start = free[parent]
        free[parent] += sizes[place]
        free[place] = start
        moved[place] = start + sizes[place] - 1
    return moved


def _branches(later: list[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
    """The first place of each front, and the later neighbors of each front."""
    size = len(later)
    parents = [int(rest[0]) if rest.size else size for rest in later]
    sizes, opens = [1] * size, list(range(size))
    firsts, rests = [], []
    for place, (rest, parent) in enumerate(zip(later, parents, strict=True)):
        if parent < size:
            sizes[parent] += sizes[place]
            opens[parent] = min(opens[parent], opens[place])
        before = place - 1
        if sizes[place] <= BRANCH and place - opens[place] + 1 == sizes[place]:
            # The fronts of the branch below become one with this place.
            while firsts and firsts[-1] >= opens[place]:
                firsts.pop()
                rests.pop()
            firsts.append(opens[place])
            rests.append(rest)
        elif place and parents[before] == place and later[before].size == rest.size + 1:
            rests[-1] = rest
        else:
            firsts.append(place)
            rests.append(rest)
    return np.array(firsts), [rest.astype(np.int64) for rest in rests]


def _fronts(
    rows: np.ndarray, columns: np.ndarray, firsts: np.ndarray, rests: list[np.ndarray], size: int
) -> tuple[Front, ...]:
    """Say for each number of the chain, and for each rest, in which cells of which front it goes."""
    number = np.arange(firsts.size)
    counts = np.diff(firsts, append=size)
    owner = np.repeat(number, counts)
    lengths = np.array([rest.size for rest in rests])
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    after = np.concatenate(rests)
    # One sorted list of (front, place) for all fronts: one search finds everything.
    keys = np.repeat(number, lengths) * size + after

    def within(front: np.ndarray, place: np.ndarray) -> np.ndarray:
        inner = place - firsts[front]
        outer = np.searchsorted(keys, front * size + place) - offsets[front] + counts[front]
        return np.where(inner < counts[front], inner, outer)

    front = owner[np.minimum(rows, columns)]
    cells = within(front, rows) * (counts + lengths + 1)[front] + within(front, columns)
    sorting = np.argsort(front, kind="stable")
    cuts = np.searchsorted(front[sorting], np.arange(firsts.size + 1))
    parents = np.array([owner[rest[0]] if rest.size else -1 for rest in rests])
    homes = within(np.repeat(parents, lengths), after)
    pieces = [slice(a, b) for a, b in itertools.pairwise(cuts)]
    return tuple(
        Front(
            int(firsts[i]),
            int(counts[i]),
            rests[i],
            int(parents[i]),
            homes[offsets[i] : offsets[i + 1]],
            sorting[pieces[i]],
            cells[sorting[pieces[i]]],
        )
        for i in number
    )
