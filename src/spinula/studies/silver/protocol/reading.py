"""Read a protocol of a silver device: every mistake becomes an error that names the file, the line and the key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from spinula.core.errors import UnknownNameError
from spinula.core.toml import mistake, read_toml, validate
from spinula.law.silver import SilverGap
from spinula.presets import bibliography
from spinula.presets.shipped import shipped_names, shipped_path
from spinula.studies.silver.devices import ELECTRODES, DevicePreset, load_device
from spinula.studies.silver.protocol.model import (
    STATISTICS,
    SWEPT,
    Claim,
    Condition,
    Probe,
    Protocol,
    ProtocolFile,
    Scale,
    Step,
)

Key = list[str | int]


def silver_names() -> list[str]:
    """Return the names of the protocols of silver devices that ship with spinula."""
    return shipped_names("silver")


def is_silver(name: str | Path) -> bool:
    """Tell whether a name is such a protocol's, or a TOML file has stimuli as they do."""
    if not str(name).endswith(".toml"):
        return str(name) in silver_names()
    return Path(name).exists() and {"stimulus", "probe"} <= set(read_toml(name)[0])


def load_silver(name: str | Path) -> Protocol:
    """Load a protocol by name, or from a TOML file.

    Raises
    ------
    UnknownNameError
        If no protocol has that name.
    ConfigError
        If the file says something impossible; names file, line and key.

    Examples
    --------
    >>> [stimulus.name for stimulus in load_silver("pavlov").file.stimulus]
    ['bell', 'food']
    """
    path = shipped_path("protocol of a silver device", "silver", name)
    data, text = read_toml(path)
    protocol = Protocol(path.stem, validate(ProtocolFile, data, file=path, text=text), path, text)
    _check(protocol)
    return protocol


def _check(protocol: Protocol) -> None:
    """Check what one table says of another."""
    found = protocol.file
    if found.about.source and found.about.source not in bibliography():
        raise mistake(protocol, ["about", "source"], f"{found.about.source!r} is not in references.bib")
    for table in ("stimulus", "probe", "condition", "claim"):
        names = [entry.name for entry in getattr(found, table)]
        if len(set(names)) < len(names):
            raise mistake(protocol, [table], f"two entries are called {next(n for n in names if names.count(n) > 1)!r}")
    _check_electrodes(protocol)
    try:
        preset = load_device(found.device)
    except UnknownNameError as error:
        raise mistake(protocol, ["device"], str(error)) from None
    for number, condition in enumerate(found.condition):
        _check_law(protocol, number, preset)
        _check_condition(protocol, number, condition)
    for number, claim in enumerate(found.claim):
        _check_claim(protocol, number, claim)


def _check_electrodes(protocol: Protocol) -> None:
    found = protocol.file
    named: list[tuple[Key, str]] = [(["scale", "source"], found.scale.source), (["scale", "sink"], found.scale.sink)]
    named.extend((["grounded"], name) for name in found.grounded)
    for number, stimulus in enumerate(found.stimulus):
        named.append((["stimulus", number, "electrode"], stimulus.electrode))
        if stimulus.scale:
            named += [(["stimulus", number, "scale"], name) for name in (stimulus.scale.source, stimulus.scale.sink)]
    for number, probe in enumerate(found.probe):
        named += [(["probe", number, "source"], probe.source), (["probe", number, "sink"], probe.sink)]
    for key, name in named:
        if name not in ELECTRODES:
            raise mistake(protocol, key, f"no electrode is called {name!r}", f"Electrodes: {', '.join(ELECTRODES)}.")
    pairs: list[tuple[Key, Scale | Probe]] = [(["scale"], found.scale)]
    pairs += [(["stimulus", number, "scale"], one.scale) for number, one in enumerate(found.stimulus) if one.scale]
    pairs += [(["probe", number], probe) for number, probe in enumerate(found.probe)]
    for key, pair in pairs:
        if pair.source == pair.sink:
            raise mistake(protocol, [*key, "sink"], f"is the source, {pair.source!r}, too", "Take two electrodes.")


def _check_law(protocol: Protocol, number: int, preset: DevicePreset) -> None:
    """Check that the device's law takes what a condition sets."""
    changed, place = protocol.file.condition[number].set, ["condition", number, "set"]
    for key in changed:
        if key not in SilverGap.model_fields:
            cure = f"Parameters: {', '.join(SilverGap.names())}."
            raise mistake(protocol, place, f"the law has no parameter {key!r}", cure)
    at: Any = place
    validate(SilverGap, preset.law.model_dump() | changed, file=protocol.path, text=protocol.text, at=at)


def _check_condition(protocol: Protocol, number: int, condition: Condition) -> None:
    known = {stimulus.name: stimulus.electrode for stimulus in protocol.file.stimulus}
    kept: list[str] = []
    for place, step in enumerate(condition.step):
        key: Key = ["condition", number, "step", place]
        _check_pauses(protocol, key, step)
        for together in [step.give] if isinstance(step.give, str) else step.give:
            names = together.split("+") if step.give else []
            for name in names:
                if name not in known:
                    raise mistake(protocol, [*key, "give"], f"no stimulus is called {name!r}",
                                f"Stimuli: {', '.join(known)}.")  # fmt: skip
            if len({known[name] for name in names}) < len(names):
                raise mistake(protocol, [*key, "give"], f"{together!r} puts two stimuli on one electrode")
        kept += [name for name in (step.series, step.read) if name]
    if len(set(kept)) < len(kept):
        raise mistake(protocol, ["condition", number], "keeps two things under one name")


def _check_pauses(protocol: Protocol, key: Key, step: Step) -> None:
    """Refuse pauses in which no electrode has a voltage."""
    if protocol.file.grounded:
        return
    for name in ("rest", "off"):
        if getattr(step, name) and (name == "rest" or step.give):
            cure = f"Say which electrodes are grounded, or {name} = 0."
            raise mistake(protocol, [*key, name], "every electrode floats then", cure)


def _check_claim(protocol: Protocol, number: int, claim: Claim) -> None:
    for field in ("of", "over", "minus"):
        term = getattr(claim, field)
        if term is None:
            continue
        problem = _wrong_term(protocol, term)
        if problem:
            raise mistake(protocol, ["claim", number, field], f"{term!r}: {problem[0]}", problem[1])


def _wrong_term(protocol: Protocol, term: str) -> tuple[str, str] | None:
    """Return what is wrong with a term, and what would be right; None if nothing is."""
    body, _, probe = term.partition("@")
    probes = [entry.name for entry in protocol.file.probe]
    if probe and probe not in probes:
        return f"no probe is called {probe!r}", f"Probes: {', '.join(probes)}."
    parts = body.split(".")
    conditions = {condition.name: condition for condition in protocol.file.condition}
    if parts[0] not in conditions:
        return f"no condition is called {parts[0]!r}", f"Conditions: {', '.join(conditions)}."
    steps = conditions[parts[0]].step
    reads, series = [step.read for step in steps if step.read], {step.series: step for step in steps if step.series}
    if len(parts) == 2 and parts[1] in reads:
        return None
    if len(parts) not in (3, 4) or parts[1] not in series:
        return "is neither a reading nor a series", f"Readings: {', '.join(reads)}; series: {', '.join(series)}."
    step = series[parts[1]]
    if len(parts) == 4 and not (step.sweep and parts[2] in SWEPT):
        return f"{parts[2]!r} is nothing of a sweep", f"Of a sweep: {', '.join(SWEPT)}."
    if len(parts) == 4 and parts[2] in ("up", "down") and probe and probe != probes[0]:
        return f"{parts[2]!r} is found on the first probe alone", f"Write it without @{probe}, or @{probes[0]}."
    if parts[-1].isdigit():
        wrong = not 1 <= int(parts[-1]) <= step.count
        return (f"there are {step.count} repetitions", "Count from 1.") if wrong else None
    return None if parts[-1] in STATISTICS else (f"no statistic is called {parts[-1]!r}",
                                                 f"Statistics: {', '.join(STATISTICS)}, or a number.")  # fmt: skip
