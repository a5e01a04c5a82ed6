"""Fitted parameters as one plain answer: the same for the TOML file and for `--json`."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from monitor.analysis.calibration import INTERVAL_LEVEL, InstrumentFit, JointFit, SideFit
from monitor.analysis.extremes import Interval
from monitor.analysis.tails import CautiousTail, Rules
from monitor.calibrating.history import PriceHistory

Answer = dict[str, Any]
DIGITS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class GridCalibration:
    """Everything that was fitted on one grid."""

    grid: str
    rules: Rules
    instruments: tuple[InstrumentFit, ...]
    joint: JointFit


def answer_of(histories: Sequence[PriceHistory], grids: Sequence[GridCalibration]) -> Answer:
    """Return what was read, fitted and replaced, as plain values; ratios, never percent."""
    return {
        "histories": {
            one.symbol: {
                "source": one.source,
                "prices": len(one.prices),
                "first_ns": int(one.times_ns[0]),
                "last_ns": int(one.times_ns[-1]),
                "faults": asdict(one.faults),
            }
            for one in histories
        },
        "replaced_count": sum(len(sentences(one)) for one in grids),
        "grids": {one.grid: _grid(one) for one in grids},
    }


def sentences(calibration: GridCalibration) -> list[str]:
    """Return what could not be identified on a grid, and the default that stands in for it."""
    told = [
        f"{fit.own.observed.symbol}: {said}"
        for fit in calibration.instruments
        for said in fit.replaced
    ]
    return told + list(calibration.joint.replaced)


def _grid(calibration: GridCalibration) -> Answer:
    rules, copula = calibration.rules, calibration.joint.copula
    answer: Answer = {
        "class": {
            "shape": rules.class_shape.mean,
            "shape_error": rules.class_shape.error,
            "shape_between": rules.class_shape.between,
            "fits": rules.class_shape.assets,
            "volatility": rules.class_volatility,
        },
        "replaced": sentences(calibration),
        "instruments": {
            fit.own.observed.symbol: _instrument(fit) for fit in calibration.instruments
        },
        "dependence": {
            "symbols": list(calibration.joint.symbols),
            "degrees": calibration.joint.degrees,
            "degrees_fitted": None if copula is None else copula.degrees,
            "degrees_interval": None if copula is None else _ends(copula.degrees_interval),
            "correlation": None if copula is None else copula.correlation.tolist(),
            "observations": 0 if copula is None else copula.observations,
        },
    }
    return answer


def _instrument(fit: InstrumentFit) -> Answer:
    response = fit.own.response
    return {
        "observations": len(fit.own.observed.returns),
        "gaps_spanned": fit.own.observed.gaps[0],
        "gaps_left_out": fit.own.observed.gaps[1],
        "decay": None if response is None else response.decay,
        "asymmetry": None if response is None else response.asymmetry,
        "volatility": fit.own.volatility,
        "long": _side(fit.sides["long"]),
        "short": _side(fit.sides["short"]),
    }


def _side(side: SideFit) -> Answer:
    tail, shape = side.tail, side.reported[0].shape
    return {
        "threshold": None if tail is None else tail.threshold,
        "scale": None if tail is None else tail.scale,
        "excesses": 0 if tail is None else tail.excesses,
        "shape_own": shape.own,
        "shape_own_interval": _ends(side.shape_interval),
        "shape_weight": shape.weight,
        "shape": shape.shape,
        "shape_upper": shape.upper,
        "interval_confidence_level": INTERVAL_LEVEL,
        "standard_value_at_risk_interval": _ends(side.value_at_risk_interval),
        "standard_expected_shortfall_interval": _ends(side.expected_shortfall_interval),
        "tails": [_tail(one) for one in side.reported],
    }


def _tail(one: CautiousTail) -> Answer:
    return {
        "confidence_level": one.confidence_level,
        "value_at_risk": one.risk.value_at_risk,
        "expected_shortfall": one.risk.expected_shortfall,
        "filtered": None if one.filtered is None else one.filtered.expected_shortfall,
        "extreme": None if one.extreme is None else one.extreme.expected_shortfall,
        "stressed": None if one.stressed is None else one.stressed.expected_shortfall,
    }


def _ends(interval: Interval | None) -> list[float] | None:
    return None if interval is None else [interval.lower, interval.upper]


def toml_of(answer: Answer) -> str:
    """Return an answer as TOML; what is null is left out, for TOML has no null."""
    head = (
        "# Written by `loss-monitor calibrate`. Losses are positive, fractions of the notional.\n"
    )
    return head + "".join(_table((), answer))


def _table(path: tuple[str, ...], values: Mapping[str, Any]) -> Iterator[str]:
    plain = {name: value for name, value in values.items() if not isinstance(value, dict)}
    if path and (plain or not values):
        yield f"\n[{'.'.join(map(_key, path))}]\n"
    for name, value in plain.items():
        if value is not None:
            yield f"{_key(name)} = {_value(value)}\n"
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _table((*path, name), value)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _quoted(name)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: Any) -> str:  # noqa: ANN401 (a TOML value is one of any type)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        text = format(value, f".{DIGITS}g")
        return text if any(mark in text for mark in ".en") else f"{text}.0"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, list):
        return f"[{', '.join(_value(one) for one in value)}]"
    inner = ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items() if v is not None)
    return f"{{{inner}}}"
