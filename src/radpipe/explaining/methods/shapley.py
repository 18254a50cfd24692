"""Shapley values of covariates: of tables, of trees, and of tables beside pictures."""

from pydantic import Field

from radpipe.explaining.methods.base import EXPLANATIONS, Entry
from radpipe.explaining.shares import Shares
from radpipe.explaining.subject import Of


class ShapleySettings(Shares):
    """Settings of `shapley`."""

    of: Of = Field(default="logit", description="What is explained: the logit, or the probability.")


EXPLANATIONS.register("shapley")(
    Entry(ShapleySettings, None, alone=True, gradients=False, signed=lambda _: True)
)
