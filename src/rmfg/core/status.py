"""How a solve ended, and what to do about it."""

from enum import StrEnum


class Status(StrEnum):
    """The outcome of a solve. Equal to its text, so `eq.status == "certified"` reads as it should."""

    CERTIFIED = "certified"
    NOT_CERTIFIED = "not certified"
    MAX_STEPS = "max steps"
    MAX_SECONDS = "max seconds"
    NON_FINITE = "non-finite"
    FAILED = "failed"

    @property
    def advice(self) -> str:
        """What the caller can do next, in one sentence."""
        return _ADVICE[self]


_ADVICE = {
    Status.CERTIFIED: "Every number of the certificate is within tolerance.",
    Status.NOT_CERTIFIED: "The solver stopped by itself, but the certificate refutes the claim: "
    "try another solver, or a looser `tol`.",
    Status.MAX_STEPS: "The best answer seen is returned: raise `max_steps`, loosen `tol`, "
    "or try another solver.",
    Status.MAX_SECONDS: "The best answer seen is returned: raise `max_seconds` or loosen `tol`.",
    Status.NON_FINITE: "The best answer seen is returned: from there on the solver met only mean "
    "fields at which the game is NaN or infinite, or rows that are no laws. Guard logarithms and "
    "divisions, or begin with another `initial`.",
    Status.FAILED: "The best answer seen is returned: the step after it raised the error that stands "
    "beside the solver.",
}
