"""Whether a function is constant or affine is read off its trace."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rmfg.core.dependence import Dependence, dependence

MATRIX = np.arange(12.0).reshape(3, 4)
FUNCTIONS = {
    "constant": (lambda m: jnp.asarray(MATRIX), Dependence.NONE),
    "shape only": (lambda m: jnp.zeros(m.shape) + 1, Dependence.NONE),
    "times zero": (lambda m: 0.0 * m, Dependence.AFFINE),
    "matrix": (lambda m: MATRIX @ m + 1, Dependence.AFFINE),
    "compiled": (jax.jit(lambda m: 2 * m - m[::-1] / 3), Dependence.AFFINE),
    "moved": (lambda m: jnp.concatenate([m[1:], m[:1]])[None].T, Dependence.AFFINE),
    "gathered": (lambda m: m[np.array([0, 0, 2])], Dependence.AFFINE),
    "spread": (lambda m: jnp.zeros(4).at[np.array([1, 2])].add(m[:2]), Dependence.AFFINE),
    "sum": (lambda m: jnp.sum(m * MATRIX, axis=1), Dependence.AFFINE),
    "chosen": (lambda m: jnp.where(np.array([1, 0, 1, 0]) > 0, m, 1 - m), Dependence.AFFINE),
    "square": (lambda m: m**2, Dependence.OTHER),
    "product": (lambda m: m * m[0], Dependence.OTHER),
    "self matrix": (lambda m: m @ m, Dependence.OTHER),
    "inverse": (lambda m: 1 / (1 + m), Dependence.OTHER),
    "clipped": (lambda m: jnp.maximum(m, 0.1), Dependence.OTHER),
    "compared": (lambda m: jnp.where(m > 0.5, 1.0, 0.0), Dependence.OTHER),
    "rounded": (lambda m: jnp.round(8 * m), Dependence.OTHER),
    "sign": (lambda m: jnp.sign(m - 0.3), Dependence.OTHER),
    "to integers": (lambda m: (8 * m).astype(int).astype(float), Dependence.OTHER),
    "place": (lambda m: jnp.asarray(MATRIX)[:, jnp.argmax(m)], Dependence.OTHER),
    "no slope": (lambda m: jax.lax.stop_gradient(m) ** 2, Dependence.OTHER),
    "own slope": (jax.nn.relu, Dependence.OTHER),
    "loop": (lambda m: jax.lax.fori_loop(0, 2, lambda i, x: x * m, m), Dependence.OTHER),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_dependence_is_read_off_the_trace(name):
    function, expected = FUNCTIONS[name]
    assert dependence(function, jnp.full(4, 0.25)) == [expected]
