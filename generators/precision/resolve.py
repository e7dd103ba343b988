"""Resolution of the `hls` configuration: name over type over model, for precisions, reuse
factors, strategies and storage.

In comes the plain dictionary of the configuration key `hls` and a Network; out comes, for each key of each layer, the
value that holds and the place it was written at. What names nothing that exists is refused; what exists, but not in
this network, is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, assert_never

from hlspike.generators.errors import ConfigError
from hlspike.generators.fixed import FixedType
from hlspike.generators.hardware import storage, strategy
from hlspike.generators.ir import Input, Layer, Linear, Merge, Network, Neuron, Readout
from hlspike.generators.neurons.equations import THRESHOLD
from hlspike.generators.neurons.registry import NEURONS
from hlspike.generators.precision.automatic import Auto

_KINDS: dict[str, tuple[str, ...]] = {
    "Input": ("result",),
    "InputLayer": ("result",),
    "Linear": ("weight", "bias", "accum", "result"),
    "Dense": ("weight", "bias", "accum", "result"),
    "Merge": ("result",),
    "Add": ("result",),
    "Concatenate": ("result",),
    "Readout": ("membrane", "result"),
    "SNNReadout": ("membrane", "result"),
}
"""Precision keys of the type names that are no neurons; Dense, InputLayer and SNNReadout are hls4ml's."""
OTHER_NAMES = {"Dense": "Linear", "InputLayer": "Input", "SNNReadout": "Readout"}
"""hls4ml's names of types that have another one here."""
_SYNAPSES = ("Linear", "Dense")
_SETTINGS = {
    "reuse_factor": "synapses and neurons have one",
    "strategy": "synapses have one",
    "storage": "synapses and neurons have one",
}
"""What an entry may hold besides precisions, and which types have it."""
_ONE = {"beta": "β is 1, the neurons integrate", "alpha": "α is 1, nothing of the current is lost"}


def type_names(layer: Layer) -> tuple[str, ...]:
    """The names `hls.types` may call the type of `layer` by, the most specific first."""
    match layer:
        case Input():
            return ("Input", "InputLayer")
        case Linear():
            return ("Linear", "Dense")
        case Merge():
            return (layer.type_name, "Merge")
        case Neuron():
            return layer.types
        case Readout():
            return ("Readout", "SNNReadout")
        case _:
            assert_never(layer)


def unused(layer: Layer) -> dict[str, str]:
    """Precision keys that the type of `layer` has and `layer` itself has no use for, each with the reason."""
    match layer:
        case Linear(bias=False):
            return {"bias": "the layer has no bias"}
        case Merge(passes_spikes=True):
            return {"result": "spikes one behind the other are spikes"}
        case Neuron():
            used = {*layer.equations.parameters, *layer.equations.keys}
            return {key: _ONE.get(key, f"{key} is 1 in every neuron") for key in _keys(layer) if key not in used}
        case Readout():
            reasons = {}
            if layer.output_mode == "spike":
                reasons["membrane"] = "counts are sized from the window"
            if layer.decision_rule != "binary_logit":
                reasons["result"] = "a class id is sized from the number of classes"
            return reasons
        case _:
            return {}


def _neurons() -> dict[str, tuple[str, ...]]:
    """Precision keys of each type name of a neuron; LIFNeuron and IFNeuron are hls4ml's."""
    return {name: one.keys for one in NEURONS.values() for name in (one.name, *one.types, *one.lossless)}


def _neuron_keys() -> list[str]:
    """Precision keys of all neurons: those of parameters, θ the last of them, and then of states."""
    forms = [form for one in NEURONS.values() for form in one.forms]
    parameters = [key for form in forms for key in form.parameters if key != THRESHOLD]
    return list(dict.fromkeys([*parameters, THRESHOLD, *(key for form in forms for key in form.keys)]))


def type_keys() -> dict[str, tuple[str, ...]]:
    """Precision keys of every type name, in the order in which they are listed."""
    ends = ("Readout", "SNNReadout")
    first = {name: keys for name, keys in _KINDS.items() if name not in ends}
    return {**first, **_neurons(), **{name: _KINDS[name] for name in ends}}


def _keys(layer: Layer) -> tuple[str, ...]:
    """Precision keys of the type of `layer`."""
    if isinstance(layer, Neuron):
        return _neurons().get(layer.types[0], (*layer.equations.parameters, *layer.equations.keys))
    return _KINDS[type_names(layer)[0]]


@dataclass(frozen=True, slots=True)
class Choice:
    """A configured value, the key it stands at, and whether it was written for this one layer."""

    value: Any
    where: str
    named: bool

    @property
    def auto(self) -> Auto | None:
        """What the value leaves to the values of a layer; None for a type.

        Raises:
            ConfigError: it begins as an automatic type does, and is none.
        """
        try:
            return Auto.parse(self.value)
        except ValueError as error:
            raise ConfigError(f"{self.where}: {error}") from None


@dataclass(frozen=True, slots=True)
class Resolution:
    """`hls` checked against one network."""

    hls: Mapping[str, Any]

    @staticmethod
    def of(hls: Mapping[str, Any], network: Network) -> Resolution:
        """Raises ConfigError for an entry that can apply to nothing: a layer, type or key that does not exist."""
        layers = {layer.name: layer for layer in network.layers}
        for name, entry in hls.get("layers", {}).items():
            if name not in layers:
                raise ConfigError(
                    f"hls.layers.{name}: there is no such layer{_meant(name, layers)}; layers are {', '.join(layers)}"
                )
            _check_entry(f"hls.layers.{name}", entry, type_names(layers[name])[0], _keys(layers[name]))
        known = type_keys()
        for name, entry in hls.get("types", {}).items():
            if name not in known:
                raise ConfigError(
                    f"hls.types.{name}: there is no such layer type{_meant(name, known)}; types are {', '.join(known)}"
                )
            _check_entry(f"hls.types.{name}", entry, name, known[name])
        for other, name in OTHER_NAMES.items():
            _check_same(other, name, hls.get("types", {}))
        own = (key for layer in network.layers for key in _keys(layer))
        every = dict.fromkeys(["default", *_KINDS["Linear"], *_neuron_keys(), *own])
        _check_keys("hls.model.precision", _precision(hls.get("model", {})), every)
        return Resolution(hls)

    def without_effect(self, network: Network) -> tuple[str, ...]:
        """What is written for types and keys that `network` does not have, one sentence each, for the report.

        A type of synapse or neuron is written for layers that are there. Its single keys are a default for all such
        layers, as shipped precisions are, and so is all of Readout: a choice of readout may leave those without use.
        """
        found: list[str] = []
        present = {name for layer in network.layers for name in type_names(layer)} | {"Readout", "SNNReadout"}
        for name, entry in (self.hls.get("types") or {}).items():
            given = [key for key, value in _precision(entry or {}).items() if value is not None]
            if name not in present and (given or _settings(entry or {})):
                found.append(f"hls.types.{name} has no effect: no layer of the network is of this type")
            elif "beta" in given and any(name in one.lossless for one in NEURONS.values()):
                found.append(f"hls.types.{name}.precision.beta has no effect: β is 1, such neurons integrate")
        used = {"default"}
        for layer in network.layers:
            used |= set(_keys(layer)) - set(unused(layer))
        for key, value in _precision(self.hls.get("model") or {}).items():
            if value is not None and key not in used:
                found.append(f"hls.model.precision.{key} has no effect: no layer of the network has use for it")
        return tuple(found)

    def precision(self, layer: Layer, key: str) -> Choice:
        """The type text, or 'auto' or 'auto<W>', of `key` in `layer`.

        Raises:
            ConfigError: nothing is configured for it.
        """
        for where, entry, named in self._levels(layer):
            precision = _precision(entry)
            for candidate in (key, "default"):
                if precision.get(candidate) is not None:
                    return Choice(str(precision[candidate]), f"{where}.precision.{candidate}", named)
        raise ConfigError(
            f"hls: no precision for '{key}' of layer '{layer.name}'; set hls.model.precision.default, "
            "for instance to ap_fixed<16,6>"
        )

    def reuse_factor(self, layer: Layer) -> Choice:
        """The reuse factor asked for; 1 where nothing is."""
        found = self._setting(layer, "reuse_factor", 1)
        if isinstance(found.value, bool) or not isinstance(found.value, int) or found.value < 1:
            raise ConfigError(f"{found.where}: a reuse factor is an integer of at least 1, found {found.value!r}")
        return found

    def strategy(self, layer: Layer) -> Choice:
        """How the sums of a synapse are to be formed; dense where nothing is said."""
        return _checked(self._setting(layer, "strategy", "dense"), strategy.fault)

    def storage(self, layer: Layer) -> Choice:
        """Where weights or states are to lie; auto where nothing is said."""
        return _checked(self._setting(layer, "storage", "auto"), storage.fault)

    def named(self, layer: Layer, key: str) -> bool:
        """Whether the precision `key` is written for `layer` by its own name."""
        return key in _precision(self.hls.get("layers", {}).get(layer.name) or {})

    def default(self, layer: Layer) -> FixedType | None:
        """The nearest `default` that is a type."""
        for where, entry, named in self._levels(layer):
            value = _precision(entry).get("default")
            choice = Choice(str(value), f"{where}.precision.default", named)
            if value is not None and choice.auto is None:
                return fixed_type(choice)
        return None

    def _setting(self, layer: Layer, key: str, default: Any) -> Choice:
        for where, entry, named in self._levels(layer):
            if entry.get(key) is not None:
                return Choice(entry[key], f"{where}.{key}", named)
        return Choice(default, f"hls.model.{key}", False)

    def _levels(self, layer: Layer) -> Iterator[tuple[str, Mapping[str, Any], bool]]:
        yield f"hls.layers.{layer.name}", self.hls.get("layers", {}).get(layer.name) or {}, True
        for name in type_names(layer):
            yield f"hls.types.{name}", self.hls.get("types", {}).get(name) or {}, False
        yield "hls.model", self.hls.get("model") or {}, False


def fixed_type(choice: Choice) -> FixedType:
    """The type that a choice spells which is not automatic.

    Raises:
        ConfigError: it spells none.
    """
    try:
        return FixedType.parse(choice.value)
    except ValueError as error:
        or_auto = ", or auto or auto<W>" if "; write " in str(error) else ""
        raise ConfigError(f"{choice.where}: {error}{or_auto}") from None


def _check_entry(where: str, entry: Mapping[str, Any] | None, type_name: str, keys: tuple[str, ...]) -> None:
    precision, other = _precision(entry or {}), type_name in _KINDS
    if not other and "result" in precision:
        raise ConfigError(
            f"{where}.precision.result: a spike is ap_uint<1>, always, found {precision['result']}; remove the key"
        )
    _check_keys(f"{where}.precision", precision, ("default", *keys))
    for key in _settings(entry or {}):
        if (other or key == "strategy") and type_name not in _SYNAPSES:
            raise ConfigError(f"{where}.{key}: only {_SETTINGS[key]}; remove the key")


def _settings(entry: Mapping[str, Any]) -> dict[str, Any]:
    """What an entry sets besides precisions."""
    return {key: entry[key] for key in _SETTINGS if entry.get(key) is not None}


def _checked(choice: Choice, fault: Callable[[object], str]) -> Choice:
    rule = fault(choice.value)
    if rule:
        raise ConfigError(f"{choice.where}: {rule}, found {choice.value!r}")
    return choice


def _check_same(other: str, name: str, types: Mapping[str, Any]) -> None:
    """Refuse what is written under `other` and would be hidden by what is written under `name`, its other name."""
    hidden, entry = types.get(other) or {}, types.get(name) or {}
    given = {f"precision.{key}": value for key, value in _precision(entry).items() if value is not None}
    asked = {f"precision.{key}": value for key, value in _precision(hidden).items() if value is not None}
    for values, source in ((given, entry), (asked, hidden)):
        values |= _settings(source)
    for key, value in asked.items():
        by = key if key in given else "precision.default" if key.startswith("precision.") else key
        if by in given and given[by] != value:
            raise ConfigError(
                f"hls.types.{other}.{key}: is {value}, but hls.types.{name}.{by}, another name of the same, is "
                f"{given[by]}; write hls.types.{name}.{key} instead"
            )


def _check_keys(where: str, precision: Mapping[str, Any], known: Iterable[str]) -> None:
    known = tuple(known)
    for key in precision:
        if key not in known:
            raise ConfigError(f"{where}.{key}: there is no such key{_meant(key, known)}; keys are {', '.join(known)}")


def _precision(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    value = (entry or {}).get("precision")
    if value is None:
        return {}
    return value if isinstance(value, Mapping) else {"default": value}


def _meant(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), 1)
    return f", did you mean '{close[0]}'" if close else ""
