"""The marker that says, inside a model, how decisions are taken. An identity: training is not affected."""

from __future__ import annotations

from torch import Tensor, nn


class SNNReadout(nn.Module):
    """Decide from the spikes or currents that pass through.

    Every argument is the configuration key `readout.<argument>`; None leaves it to the configuration, or to the
    default in brackets.

    Args:
        output_mode: "spike" counts the spikes of the last neuron layer, "membrane" integrates the currents of the
            last synapse layer [spike].
        decision_rule: argmax_spike_count, first_to_threshold, threshold_then_argmax, binary_logit (either mode),
            argmax_membrane, or "none" for no decision [argmax_spike_count or argmax_membrane, after the mode].
        window_size: timesteps per decision [1]. `stream_length` is its other name.
        class_threshold: count that settles a class in the two threshold rules [1].
        beta: decay of the readout membrane per timestep, in 0..1 [1.0].
        n_classes: must equal the number of features that arrive [that number].
        reset_policy: "fixed_window", "tlast", "host_pulse" or "never" [fixed_window]. `state_reset_policy` is its
            other name.
        emit: "window", one decision per window or packet, or "step", the running one [window; step under never].
    """

    def __init__(
        self,
        output_mode: str | None = None,
        decision_rule: str | None = None,
        window_size: int | None = None,
        class_threshold: int | None = None,
        beta: float | None = None,
        n_classes: int | None = None,
        reset_policy: str | None = None,
        emit: str | None = None,
        *,
        stream_length: int | None = None,
        state_reset_policy: str | None = None,
    ) -> None:
        super().__init__()
        self.output_mode = output_mode
        self.decision_rule = decision_rule
        self.window_size = window_size
        self.class_threshold = class_threshold
        self.beta = beta
        self.n_classes = n_classes
        self.reset_policy = reset_policy
        self.emit = emit
        self.stream_length = stream_length
        self.state_reset_policy = state_reset_policy

    def forward(self, x: Tensor) -> Tensor:
        return x
