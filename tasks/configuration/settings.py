"""The schema of a composed configuration. Every error names the key, the rule and the value found."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from math import prod
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from hlspike.generators.errors import ConfigError
from hlspike.generators.hardware import strategy
from hlspike.generators.hardware.limits import check_target
from hlspike.generators.hardware.storage import Asked
from hlspike.generators.hardware.strategy import Strategy
from hlspike.tasks.configuration.faults import told

_ENTRY_KEYS = {"precision", "reuse_factor", "strategy", "storage"}
_LONGEST = 100
"""Characters of a folder's name, to which the labels of variants are added."""


_INPUTS = 2**24
"""Values of a timestep: no device has as many wires, or time for them."""


def _named(value: str) -> str:
    if not value.strip():
        raise ValueError("must name something")
    return value


Named = Annotated[str, AfterValidator(_named)]
Count = Annotated[int, Field(ge=1, lt=2**31)]
"""What the hardware, or a tool, counts in an `int`."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Model(_Strict):
    """The network: where it is built, trained and loaded from."""

    source: Named
    kwargs: dict[str, Any] = Field(default_factory=dict)
    checkpoint: Named | None = None
    train: Named | None = None
    train_kwargs: dict[str, Any] = Field(default_factory=dict)
    input_shape: list[int] = Field(min_length=1)
    time_axis: Literal["auto", 0, 1, -1] = "auto"
    inputs: list[Named] = Field(default_factory=list)
    env: list[Named] = Field(default_factory=list)

    @field_validator("input_shape")
    @classmethod
    def _positive(cls, value: list[int]) -> list[int]:
        if min(value) < 1:
            raise ValueError("every dimension must be at least 1")
        if prod(value) > _INPUTS:
            raise ValueError(f"a timestep has at most {_INPUTS} values")
        return value


class Data(_Strict):
    """The sequences the executors run."""

    source: Named
    kwargs: dict[str, Any] = Field(default_factory=dict)
    calibration: Count = 64
    inputs: list[Named] = Field(default_factory=list)
    env: list[Named] = Field(default_factory=list)


class Readout(_Strict):
    """The decision; null leaves a value to the marker in the model. Checked against the network at extraction."""

    output_mode: str | None = None
    decision_rule: str | None = None
    window_size: int | None = None
    class_threshold: int | None = None
    beta: float | None = None
    n_classes: int | None = None
    reset_policy: str | None = None
    emit: str | None = None
    stream_length: int | None = None
    state_reset_policy: str | None = None


class Entry(_Strict):
    """Precision, reuse factor, strategy and storage at one level."""

    precision: dict[str, str] | str | None = None
    reuse_factor: int | None = Field(default=None, ge=1)
    strategy: Strategy | None = None
    storage: Asked | None = None

    @field_validator("strategy", mode="before")
    @classmethod
    def _strategy(cls, value: Any) -> Any:
        rule = None if value is None else strategy.fault(value)
        if rule:
            raise ValueError(rule)
        return value


class Hls(_Strict):
    """Precisions, reuse factors, strategies and storage: layers over types over model."""

    model: Entry = Field(default_factory=Entry)
    types: dict[str, Entry] = Field(default_factory=dict)
    layers: dict[str, Entry] = Field(default_factory=dict)


class Ip(_Strict):
    """What the IP catalogue shows of a packaged design; null leaves a value to Vitis."""

    vendor: str | None = None
    library: str | None = None
    name: str | None = None
    version: str | None = None
    display_name: str | None = None
    description: str | None = None
    taxonomy: str | None = None

    @field_validator("*")
    @classmethod
    def _line(cls, value: str | None) -> str | None:
        if value is not None and (re.search(r"[\r\n#]", value) or not value.strip()):
            raise ValueError("one line of text without '#', which begins a comment in hls_config.cfg")
        return value

    @field_validator("version")
    @classmethod
    def _release(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"\d+\.\d+(\.\d+)?", value):
            raise ValueError("a version is two or three numbers, as 1.0; write it in quotes")
        return value


class Target(_Strict):
    """The part, the interface of the design, and how Vitis is run."""

    part: str
    clock_period: float = Field(ge=1e-3, le=1e6)
    clock_uncertainty: str | float | None = None
    io: Literal["parallel", "stream"]
    control: Literal["s_axilite", "ap_ctrl_hs", "ap_ctrl_none"] = "s_axilite"
    flow_target: Literal["vivado", "vitis"] = "vivado"
    rtl: Literal["verilog", "vhdl"] = "verilog"
    reset: Literal["control", "state", "all", "none"] = "control"
    reset_async: bool = False
    reset_level: Literal["high", "low"] | None = None
    fifo_depth: Count | None = None
    fifo_sizing: bool = False
    export: Literal["ip_catalog", "xo", "syn_dcp", "sysgen"] = "ip_catalog"
    ip: Ip = Field(default_factory=Ip)
    flow: Literal["tcl", "config"] = "tcl"
    granularity: Literal["design", "layer"] = "design"
    cosim_sequences: Count | None = 4
    vitis: Named | None = None
    timeout: float | None = Field(default=None, gt=0, le=1e8)
    licences: Count | None = None

    @field_validator("io", mode="before")
    @classmethod
    def _axis(cls, value: Any) -> Any:
        if value == "axis":
            raise ValueError("axis is not built yet; choose parallel or stream")
        return value

    @field_validator("part")
    @classmethod
    def _part(cls, value: str) -> str:
        if not value.strip() or re.search(r"[\r\n#]", value):
            raise ValueError("a part is one word, as xc7z020clg400-1")
        return value

    @field_validator("clock_uncertainty")
    @classmethod
    def _uncertainty(cls, value: str | float | None, info: ValidationInfo) -> str | float | None:
        if value is None:
            return None
        written = re.fullmatch(r"\s*(\d{1,9}(?:\.\d*)?)\s*(%|ns)?\s*", str(value)) if isinstance(value, str) else None
        if isinstance(value, str) and written is None:
            raise ValueError("percent or ns, as 27% or 1.25")
        amount = float(written[1]) if written else float(value)
        period = 100.0 if written and written[2] == "%" else info.data.get("clock_period", amount + 1)
        if not 0 <= amount < period:
            raise ValueError("percent or ns of the clock period, less than all of it")
        return value


class Sim(_Strict):
    """What is run and recorded."""

    trace: Literal["decisions", "spikes", "states"] = "spikes"
    sequences: Count | None = None


class Csim(_Strict):
    """The compiler of the C simulation."""

    compiler: Named = "g++"


class Report(_Strict):
    """What the report shows beside its tables."""

    pictures: bool = False
    sequence: int | None = Field(default=None, ge=0, lt=2**31)


class Cache(_Strict):
    """The shared cache of results."""

    enabled: bool = True
    dir: str | None = None
    size: float = Field(default=10.0, gt=0, le=1e9)

    @field_validator("dir")
    @classmethod
    def _place(cls, value: str | None) -> str | None:
        if value is not None and (not value.strip() or "\0" in value):
            raise ValueError("the path of a folder, or null for that of the user")
        if value is not None and value.startswith("~") and os.path.expanduser(value) == value:
            raise ValueError("a folder below a home folder that there is")
        return value


class Settings(_Strict):
    """A composed configuration."""

    name: str
    seed: int = Field(default=0, ge=0, lt=2**32)
    model: Model
    data: Data
    readout: Readout = Field(default_factory=Readout)
    hls: Hls = Field(default_factory=Hls)
    target: Target
    sim: Sim = Field(default_factory=Sim)
    csim: Csim = Field(default_factory=Csim)
    report: Report = Field(default_factory=Report)
    cache: Cache = Field(default_factory=Cache)

    @field_validator("name")
    @classmethod
    def _folder(cls, value: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*", value):
            raise ValueError("a name is a folder below build/: letters, digits, and _ . + - within it")
        if len(value) > _LONGEST:
            raise ValueError(f"a name has at most {_LONGEST} characters")
        return value


def validated(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration as plain values, dotted layer names flattened.

    Raises:
        ConfigError: the first key that breaks the schema, or settings of the target that exclude each other.
    """
    plain = dict(config)
    hls = plain.get("hls")
    if isinstance(hls, Mapping) and isinstance(hls.get("layers"), Mapping):
        plain["hls"] = {**hls, "layers": flattened(hls["layers"])}
    plain = {key: value for key, value in plain.items() if value is not None or key not in ("readout", "hls")}
    try:
        found = Settings.model_validate(plain).model_dump()
    except ValidationError as error:
        raise ConfigError(told(error, _keys)) from None
    check_target(found["target"])
    return found


def flattened(layers: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """`{block: {"1": {fc: entry}}}` → `{"block.1.fc": entry}`: an override cannot quote the dots of a layer's name."""
    found: dict[str, Any] = {}
    for name, value in layers.items():
        path = f"{prefix}{name}"
        if not isinstance(value, Mapping) or not value or set(value) & _ENTRY_KEYS:
            nested = {}
            if isinstance(value, Mapping):
                nested = {k: v for k, v in value.items() if k not in _ENTRY_KEYS and isinstance(v, Mapping)}
                value = {key: item for key, item in value.items() if key not in nested}
            found[path] = {} if value is None else value
            found |= flattened(nested, f"{path}.")
        else:
            found |= flattened(value, f"{path}.")
    return found


def is_key(dotted: str) -> bool:
    """Whether the schema knows a key of that name, so that it may be set although no file has it."""
    model: Any = Settings
    for part in dotted.split("."):
        field = model.model_fields.get(part) if isinstance(model, type) and issubclass(model, BaseModel) else None
        if field is None:
            return False
        model = field.annotation
    return not (isinstance(model, type) and issubclass(model, BaseModel))


def _keys(path: list[str]) -> list[str]:
    """The keys that the schema knows below `path`."""
    model: Any = Settings
    for part in path:
        field = model.model_fields.get(part)
        model = field.annotation if field else Entry
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            model = Entry
    return list(model.model_fields)
