"""What was read from a module, and what its readout is asked to be → the Network.

A configured value wins over the marker's, and a note says so. A fault of the configuration is a ConfigError, one of the
marker an UnsupportedModel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast, get_args

from hlspike.generators import ir
from hlspike.generators.errors import ConfigError, UnsupportedModel
from hlspike.generators.settle import asked
from hlspike.generators.settle.asked import Marker, Setting
from hlspike.generators.settle.reading import Output, Reading, Sequences

MODES = get_args(ir.OutputMode)
POLICIES = get_args(ir.ResetPolicy)
EMITS = get_args(ir.Emit)
NO_DECISION = "none"
RULES: dict[str, tuple[str, ...]] = {
    "spike": ("argmax_spike_count", "first_to_threshold", "threshold_then_argmax", "binary_logit"),
    "membrane": ("argmax_membrane", "binary_logit"),
}
"""The rules of each mode; the first is its default."""
_ENDS = {
    "never": "never ends no window",
    "tlast": "tlast ends a sequence with its packet",
    "host_pulse": "host_pulse ends a sequence where the host says so",
}
"""Why a window has no effect under a policy."""
_THRESHOLD_RULES = ("first_to_threshold", "threshold_then_argmax")


@dataclass(frozen=True, slots=True)
class Decision:
    """What the ingress and the readout of a network are to do; `readout` None for a network without decision."""

    reset_policy: ir.ResetPolicy
    window_size: int | None
    readout: ir.Readout | None
    notes: tuple[str, ...]
    marked: tuple[str, ...]
    """Keys whose values are the marker's."""
    window_given: bool
    """Whether `window_size` is what anybody has said, or of no consequence."""


def network(reading: Reading, readout: Mapping[str, Any]) -> ir.Network:
    """The network that was read, with its ingress and its readout.

    Args:
        readout: values of the configuration keys `readout.*`; None or absent means: from the marker, else the default.
    Raises:
        ConfigError: a configured value is illegal, or impossible for this network.
        UnsupportedModel: the same of the marker's, or the output is what no readout takes.
    """
    decision = settle(readout, reading.marker, reading.output, reading.loop)
    if decision.readout is None and reading.output.factor != 1:
        raise UnsupportedModel(
            f"layer '{reading.output.layer}': graded_spikes_factor is {reading.output.factor:g}, but no layer follows "
            "whose weights could take it in; set it to 1"
        )
    whole = reading.network(decision.reset_policy, decision.window_size)
    last = () if decision.readout is None else (decision.readout,)
    return replace(
        whole, layers=(*whole.layers, *last), notes=(*whole.notes, *decision.notes), marked=decision.marked,
        window_given=decision.window_given,
    )


def settle(
    configured: Mapping[str, Any], marker: Marker | None, output: Output, loop: Sequences | None = None
) -> Decision:
    """The decision that `configured` and the marker ask of a network that puts out `output`.

    Args:
        loop: where forward holds the time loop: a window that nobody gives is as long as it.
    Raises:
        ConfigError: an unknown key, or a configured value that is illegal or impossible here.
        UnsupportedModel: the same, of the marker.
    """
    notes: list[str] = []
    given = asked.given(configured, marker, notes)
    marked = tuple(key for key, setting in given.items() if setting.error is UnsupportedModel)
    wanted = marker is not None or bool(set(given) - {"reset_policy"})
    rule = given.get("decision_rule")
    if rule is not None and rule.value == NO_DECISION:
        wanted = False
        idle = [key for key in given if key not in ("decision_rule", "reset_policy", "window_size")]
        notes.extend(f"{given[key].where} has no effect: decision_rule is none" for key in idle)
    policy, window = _ingress(given, notes)
    window_given = window is not None or policy != "fixed_window" or loop is not None
    if loop is not None:
        window = _looped(given, policy, window, loop, notes)
    if not wanted:
        return Decision(policy, window, None, tuple(notes), marked, window_given)
    if window is None and policy == "fixed_window" and loop is None:
        window = 1
    readout = _readout(given, policy, output, notes)
    if window is not None and readout.decision_rule in _THRESHOLD_RULES and readout.class_threshold > window:
        setting = given["class_threshold"]
        notes.append(
            f"{setting.where} is {setting.value}, but no class spikes more than {window} times in window_size "
            f"{window}: the largest count always decides"
        )
    return Decision(policy, window, readout, tuple(notes), marked, window_given)


def _ingress(given: Mapping[str, Setting], notes: list[str]) -> tuple[ir.ResetPolicy, int | None]:
    policy = "fixed_window"
    if "reset_policy" in given:
        policy = given["reset_policy"].choice(POLICIES)
    window = given["window_size"].positive() if "window_size" in given else None
    if policy in _ENDS and window is not None:
        notes.append(f"{given['window_size'].where} has no effect: reset_policy {_ENDS[policy]}")
        window = None
    return cast(ir.ResetPolicy, policy), window


def _looped(
    given: Mapping[str, Setting], policy: str, window: int | None, loop: Sequences, notes: list[str]
) -> int | None:
    """The window of a forward that holds the time loop; None: as long as the sequences are."""
    if loop.timesteps is None:
        return window
    if policy in ("tlast", "host_pulse"):
        return window
    if policy == "never":
        raise given["reset_policy"].refusal(
            f"but forward begins anew every {loop.timesteps} timesteps; set it to fixed_window, or let forward loop "
            "over as many timesteps as it is given"
        )
    if window is not None and window > loop.timesteps:
        raise given["window_size"].refusal(
            f"but forward runs {loop.timesteps} timesteps; set it to {loop.timesteps} or to null, or let forward run "
            "more"
        )
    if window is not None and window < loop.timesteps:
        notes.append(
            f"{given['window_size'].where} is {window}: of the {loop.timesteps} timesteps that forward runs, the later "
            "ones are not looked at"
        )
    return window or loop.timesteps


def _readout(given: Mapping[str, Setting], policy: str, output: Output, notes: list[str]) -> ir.Readout:
    mode, rule = _mode_and_rule(given, notes)
    _check_source(given, mode, output)
    classes = output.shape[0]
    if "n_classes" in given and given["n_classes"].positive() != classes:
        raise given["n_classes"].refusal(f"but '{output.layer}' has {classes} outputs; set it to {classes} or to null")
    if rule == "binary_logit" and classes != 2:
        raise given["decision_rule"].refusal(f"it needs 2 classes, but '{output.layer}' has {classes} outputs")
    threshold = given["class_threshold"].positive() if "class_threshold" in given else 1
    if threshold != 1 and rule not in _THRESHOLD_RULES:
        notes.append(f"{given['class_threshold'].where} has no effect with decision_rule {rule}")
    beta = given["beta"].fraction() if "beta" in given else 1.0
    if beta != 1.0 and mode == "spike":
        notes.append(f"{given['beta'].where} has no effect in output_mode spike")
    emit = given["emit"].choice(EMITS) if "emit" in given else "step" if policy == "never" else "window"
    if policy == "never" and emit == "window":
        raise given["emit"].refusal("reset_policy never has no windows; set emit to step or to null")
    return ir.Readout(
        inputs=(output.layer,),
        n_classes=classes,
        output_mode=mode,
        decision_rule=rule,
        class_threshold=threshold,
        beta=beta,
        emit=cast(ir.Emit, emit),
    )


def _mode_and_rule(given: Mapping[str, Setting], notes: list[str]) -> tuple[ir.OutputMode, ir.DecisionRule]:
    rule = given.get("decision_rule")
    known = tuple(dict.fromkeys(rule for rules in RULES.values() for rule in rules))
    if rule is not None:
        rule.choice((*known, NO_DECISION))
    if "output_mode" in given:
        mode = given["output_mode"].choice(MODES)
    else:
        mode = "spike"
        if rule is not None and rule.value not in RULES[mode]:
            mode = "membrane"
            notes.append(f"{rule.where} {rule.value} implies output_mode membrane")
    if rule is None:
        return cast(ir.OutputMode, mode), cast(ir.DecisionRule, RULES[mode][0])
    if rule.value not in RULES[mode]:
        raise rule.refusal(f"output_mode {mode} has {', '.join(RULES[mode])}")
    return cast(ir.OutputMode, mode), cast(ir.DecisionRule, rule.value)


def _check_source(given: Mapping[str, Setting], mode: str, output: Output) -> None:
    mode_given = given.get("output_mode")
    error = mode_given.error if mode_given is not None else ConfigError
    expected, other = ("spikes", "membrane") if mode == "spike" else ("currents", "spike")
    if output.kind != expected:
        raise error(
            f"readout: output_mode {mode} takes {expected}, but '{output.layer}' puts out {output.kind}; set "
            f"readout.output_mode to {other}, or end the model with a {'Leaky' if mode == 'spike' else 'Linear'}"
        )
    if len(output.shape) != 1 or output.permuted:
        raise UnsupportedModel(
            f"readout: takes a map, or a flattened one, of '{output.layer}'; its classes must be the features of a "
            "layer behind a Linear"
        )
    if output.factor != 1:
        raise UnsupportedModel(
            f"readout: counts spikes, but those of '{output.layer}' are worth {output.factor:g} "
            "(graded_spikes_factor); set it to 1"
        )
