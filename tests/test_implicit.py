"""Derivatives of equilibria by the implicit function theorem, and equilibria traced over the radius.

What they must equal is a closed form, or measured: differences of equilibria solved again nearby.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rmfg

DIFFERENCE = 1e-4


def test_the_derivative_in_the_kernel_of_the_population():
    """SIS: the share of the ill is 1 / (discount * rate * price), whatever the recovery does to it."""

    def share(parameters):
        discount, rate, cost = parameters
        return (1 - discount * 0.9) / (discount * rate * (cost - 1))

    class Epidemic(rmfg.MeanFieldGame):
        num_states, num_actions = 2, 5

        def __init__(self, parameters):
            self.discount, self.rate, self.cost = parameters

        def kernel(self, mean_field):
            caught = self.rate * jnp.arange(5) / 4 * mean_field[1]
            healthy = jnp.stack([1 - caught, caught], axis=-1)
            return jnp.stack([healthy, jnp.broadcast_to(jnp.array([0.1, 0.9]), (5, 2))])

        def reward(self, mean_field):
            contacts = jnp.arange(5) / 4
            return jnp.stack([contacts, contacts - self.cost])

    at = np.array([0.9, 0.8, 10.0])
    answer = rmfg.solve(Epidemic(at.tolist()), solver=rmfg.Newton(), tol=1e-11, max_steps=80)
    assert answer.status == "certified", answer
    with jax.enable_x64(True):
        law = jax.jacfwd(lambda x: rmfg.implicit(Epidemic(x), rmfg.Nominal(), answer).distribution)(
            jnp.asarray(at)
        )
        expected = jax.grad(share)(jnp.asarray(at))
    assert answer.distribution[1] == pytest.approx(share(at), abs=1e-9)
    np.testing.assert_allclose(law[1], expected, rtol=1e-6)
    np.testing.assert_allclose(law[0], -expected, rtol=1e-6)


# Over the radius --------------------------------------------------------------------------------

RADII = np.linspace(0.0, 0.05, 6)


@pytest.fixture(scope="module")
def chain():
    return rmfg.zoo.make("lasry-lions-chain")


@pytest.fixture(scope="module")
def traced(chain):
    return rmfg.trace(chain, rmfg.TotalVariation, RADII)


def test_every_radius_is_certified_and_warm_starts_are_quick(traced):
    assert traced.certified
    assert [answer.ambiguity.radius for answer in traced.equilibria] == list(RADII)
    first, *later = traced.equilibria
    assert all(answer.certificate.tol == 1e-9 for answer in traced.equilibria)
    assert all(answer.solver.startswith("Newton(") for answer in later)
    assert all(answer.steps <= 12 for answer in later)
    expected = [0.00111787, 0.04952394, 0.27750186, 0.34371267]
    np.testing.assert_allclose(first.distribution[:4], expected, atol=5e-9)
    values = [answer.value for answer in traced.equilibria]
    assert (np.diff(values, axis=0)[:, 3] < 0).all(), "a bolder nature leaves less"


def test_slopes_are_those_of_neighbors(chain, traced):
    """At a radius inside, by solving again close to it."""
    for number in (1, 3):
        pair = rmfg.trace(
            chain,
            rmfg.TotalVariation,
            RADII[number] + DIFFERENCE * np.array([-1, 1]),
            tol=1e-11,
            initial=traced.equilibria[number],
        )
        assert pair.certified
        for part in ("value", "distribution", "policy"):
            down, up = (getattr(answer, part) for answer in pair.equilibria)
            slope = getattr(traced, f"{part}_slope")[number]
            off = np.abs((up - down) / (2 * DIFFERENCE) - slope).max()
            assert off <= 1e-4 * max(1, np.abs(slope).max()), f"{part} at {RADII[number]}"


def test_the_dataset_of_a_trace(traced):
    data = traced.to_xarray()
    assert data["value"].dims == data["distribution_slope"].dims == ("radius", "state")
    assert data["policy"].dims == data["policy_slope"].dims == ("radius", "state", "action")
    assert data["status"].dims == data["exploitability"].dims == ("radius",)
    assert dict(data.sizes) == {"radius": 6, "state": 7, "action": 3}
    np.testing.assert_array_equal(data["radius"], RADII)
    np.testing.assert_allclose(data["distribution"].sum("state"), 1, atol=1e-12)
    np.testing.assert_allclose(data["distribution_slope"].sum("state"), 0, atol=2e-5)
    np.testing.assert_allclose(data["policy_slope"].sum("action"), 0, atol=2e-5)
    assert (data["status"] == "certified").all()


@pytest.mark.parametrize(
    "radii", [[], np.array(0.1), np.array([[0.1]]), [0.1, np.nan], [np.inf]], ids=str
)
def test_wrong_radii(radii, chain):
    with pytest.raises(ValueError, match="`radii`"):
        rmfg.trace(chain, rmfg.TotalVariation, radii)


def test_a_radius_that_the_family_refuses(chain):
    with pytest.raises(ValueError, match="`radius`"):
        rmfg.trace(chain, rmfg.TotalVariation, [-0.1])


def test_a_family_that_makes_no_set(chain):
    with pytest.raises(TypeError, match="ambiguity"):
        rmfg.trace(chain, lambda radius: radius, [0.1])
