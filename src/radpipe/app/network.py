"""`radpipe network`: a picture of a variant's network, without training anything."""

import logging
from dataclasses import asdict
from pathlib import Path

from radpipe.app.telemetry import FIGURES, check_suffix
from radpipe.core.ensembles import refuse_ensemble
from radpipe.core.errors import ConfigError, unknown_name
from radpipe.core.imported import refuse_imported
from radpipe.core.params import Params
from radpipe.core.presets import load_preset
from radpipe.core.settings.features import features_of
from radpipe.studies.base.adapters import load_adapter, read_layout

PRESETS = Path("presets")

log = logging.getLogger("radpipe.app")


def network(params: Params, *, variant: str, out: Path | None = None) -> None:
    """Draw the network of a variant: its layers, their outputs and parameters.

    Parameters
    ----------
    params
        Says what the variant is.
    variant
        Its name.
    out
        The file, .png or .svg; by default `logs/figures/<variant>-network.png`.

    Raises
    ------
    ConfigError
        The variant or its settings are unknown, it is an ensemble, or `out` is no picture.
    DataError
        It is a head, and its features are not made yet.

    """
    refuse_ensemble(variant, params.plan)
    refuse_imported(variant, params.plan)
    if variant not in params.variants:
        raise unknown_name("variant", variant, params.variants)
    path = out or FIGURES / f"{variant}-network.png"
    check_suffix(path)
    # Neither torch nor matplotlib concerns the commands that only look at receipts.
    from radpipe.figures.network import network_sheet
    from radpipe.figures.saving import save
    from radpipe.learning.data.features import FeatureStore
    from radpipe.learning.models import build_empty
    from radpipe.learning.networks.losses import n_outputs
    from radpipe.learning.networks.summary import example_input, trace

    chosen = params.variants[variant]
    study = params.studies[chosen.study]
    preset = load_preset(chosen.preset, chosen.overrides, where=f"variants.{variant}", root=PRESETS)
    n_channels = {"grey": 1, "colour": 3}[study.image.channels]
    if features_of(chosen.store):
        n_channels = FeatureStore(Path(chosen.store)).channels
    side = study.image.side
    shape = {"n_channels": n_channels, "size": side}
    adapter = load_adapter(study.adapter)
    layout = read_layout(chosen.study, adapter, study.layout)
    shape["n_views"] = len(adapter.views(layout))
    outputs = n_outputs(study.target, preset.train)
    model = build_empty(preset.model, n_outputs=outputs, **shape)
    try:
        network_summary = trace(model, *example_input(preset.model, **shape))
    except RuntimeError as error:
        raise ConfigError(
            f"variants.{variant}: {side} pixels are too few for its network ({error}). Use a larger"
            f" studies.{chosen.study}.image.side or fewer poolings."
        ) from error
    figure = network_sheet(
        [asdict(layer) for layer in network_summary.layers],
        inputs=network_summary.inputs,
        parameters=network_summary.parameters,
        title=variant,
    )
    save(figure, path)
    log.info(
        "wrote %s: layers=%d parameters=%d",
        path,
        len(network_summary.layers),
        network_summary.parameters,
    )
