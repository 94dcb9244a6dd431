"""Read a protocol: every mistake becomes an error that names the file, the line and the key."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Any

from spinula.core.errors import ConfigError, UnknownNameError
from spinula.core.toml import line_of, mistake, read_toml, validate
from spinula.engines.dendrite import KINDS
from spinula.presets import bibliography, load_preset
from spinula.presets.shipped import shipped_names, shipped_path
from spinula.studies.protocol.model import Protocol, ProtocolFile, Repeated

# What a table of an event says beside the event itself.
_OURS = ("name", "repeats", "every_s")


def protocol_names() -> list[str]:
    """Return the names of the protocols that ship with spinula."""
    return shipped_names("protocols")


def load_protocol(name: str | Path) -> Protocol:
    """Load a protocol by name, or from a TOML file.

    Raises
    ------
    UnknownNameError
        If no protocol has that name.
    ConfigError
        If the file says something impossible; names file, line and key.

    Examples
    --------
    >>> load_protocol("matsuzaki2004").file.about.source
    'matsuzaki2004'
    """
    path = shipped_path("protocol", "protocols", name)
    data, text = read_toml(path)
    found: Any = validate(ProtocolFile, data, file=path, text=text)
    events = tuple(_event(entry, number, path, text) for number, entry in enumerate(found.event))
    protocol = Protocol(path.stem, found, events, path, text)
    if found.competition is None:
        _check(protocol)
    _check_sources(protocol)
    return protocol


def _event(entry: dict[str, Any], number: int, path: Path, text: str) -> Repeated:
    """Build one event; its kind is checked first, so that the error speaks of that kind alone."""
    at = ("event", str(number))
    where: list[str | int] = ["event", number]
    kind = entry.get("kind")
    if kind not in KINDS:
        near = get_close_matches(str(kind), KINDS, n=1, cutoff=0.5)
        cure = f"Did you mean {near[0]!r}?" if near else f"Kinds: {', '.join(KINDS)}."
        problem = "is missing" if kind is None else f"no event or transmitter is called {kind!r}"
        raise ConfigError(path, f"event.{number}.kind", problem, line=line_of(text, [*where, "kind"]), cure=cure)
    inner = {key: value for key, value in entry.items() if key not in _OURS}
    outer = {key: value for key, value in entry.items() if key in _OURS}
    try:
        event = validate(KINDS[kind], inner, file=path, text=text, at=at)
        return validate(Repeated, {"name": kind, **outer, "event": event}, file=path, text=text, at=at)
    except ConfigError as error:
        # Array tables are counted by number, which `at` holds as text.
        key = [int(part) if part.isdigit() else part for part in error.key.split(".")]
        message = str(error).split(": ", 2)[2].split("\n  ")
        # What is wrong with the time is found by a look at the whole event; the last time given is where it is.
        times = [name for name in entry if name.startswith("at_")]
        if key == where and times and ("begins" in message[0] or "mixed" in message[0]):
            key = [*where, times[-1]]
        line = line_of(text, key)
        raise ConfigError(path, error.key, message[0], line=line, cure=message[1] if message[1:] else "") from None


def _check(protocol: Protocol) -> None:
    """Check what one table says of another."""
    found = protocol.file
    for table in ("dendrite", "recording"):
        if getattr(found, table) is None:
            raise mistake(protocol, [table], "is missing", f"Add a table [{table}].")
    assert found.dendrite is not None
    if not found.group and not found.dendrite.spine_density:
        raise mistake(protocol, ["dendrite"], "has no spines", "Add a [[group]], or a spine_density.")
    for number, group in enumerate(found.group):
        for position in group.positions_um:
            if found.dendrite.swc is None and not 0 <= position <= found.dendrite.length_um:
                raise mistake(
                    protocol, ["group", number, "positions_um"], f"a spine at {position:g} um is off the branch",
                    f"The branch is {found.dendrite.length_um:g} um long (dendrite.length_um).",
                )  # fmt: skip
    for number, preset in [(None, found.dendrite.preset), *((n, c.preset) for n, c in enumerate(found.condition))]:
        if preset is not None:
            try:
                load_preset(preset)
            except UnknownNameError as error:
                key = ["dendrite", "preset"] if number is None else ["condition", number, "preset"]
                raise mistake(protocol, key, str(error).split("\n")[0], str(error).split("\n")[-1].strip()) from None
    names = {repeated.name for repeated in protocol.events}
    for number, condition in enumerate(found.condition):
        for wanted in [*condition.without, *(key.split(".")[0] for key in condition.change)]:
            if wanted not in names:
                raise mistake(protocol, ["condition", number], f"no event is called {wanted!r}", f"Events: {names}.")
        if condition.doses and len(condition.doses) != len(condition.drugs):
            raise mistake(protocol, ["condition", number, "doses"], "needs one dose per drug")
    if found.sweep and found.sweep.event not in names:
        raise mistake(protocol, ["sweep", "event"], f"no event is called {found.sweep.event!r}", f"Events: {names}.")
    groups = {group.name for group in found.group} | {"others", "neighbours"}
    conditions = {condition.name for condition in found.condition} or {"control"}
    for number, expected in enumerate(found.expect):
        if expected.group not in groups:
            raise mistake(protocol, ["expect", number, "group"], f"no group is called {expected.group!r}")
        if expected.condition not in conditions:
            raise mistake(protocol, ["expect", number, "condition"], f"no condition is called {expected.condition!r}")


def _check_sources(protocol: Protocol) -> None:
    known = bibliography()
    named = [(["about", "source"], protocol.file.about.source)]
    named += [(["expect", number, "source"], entry.source) for number, entry in enumerate(protocol.file.expect)]
    for key, source in named:
        if source and source not in known:
            raise mistake(protocol, key, f"{source!r} is not in references.bib")
