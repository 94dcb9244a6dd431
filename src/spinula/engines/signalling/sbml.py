"""What is read from an SBML file before a simulator sees it: names, rules, and the species that were left open."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

from spinula.core.errors import ConfigError, UnknownNameError


class Names:
    """Which SBML id a name means: ids first, then species, then parameters; a repeated name means nothing."""

    def __init__(self, root: ET.Element) -> None:
        species, parameters = listed(root, "listOfSpecies"), listed(root, "listOfParameters")
        self.species, self.parameters = (
            [each.get("id", "") for each in species],
            [each.get("id", "") for each in parameters],
        )
        self._amounts = {each.get("id") for each in species if _true(each, "hasOnlySubstanceUnits")}
        self._ids = {key: key for key in (*self.species, *self.parameters)}
        for group in (species, parameters):
            counted = Counter(each.get("name") for each in group)
            fresh = {each.get("name"): each.get("id", "") for each in group if counted[each.get("name")] == 1}
            self._ids.update({name: key for name, key in fresh.items() if name and name not in self._ids})
        self._labels = {key: name for name, key in self._ids.items()}

    def label(self, key: str) -> str:
        """Return the name that the user sees."""
        return self._labels[key]

    def find(self, name: str) -> str:
        """Return the id of a name, or say which name is near."""
        if name not in self._ids:
            raise UnknownNameError("species or parameter", name, set(self._labels.values()))
        return self._ids[name]

    def symbol(self, key: str) -> str:
        """Return what libRoadRunner calls the value: [id] is a concentration."""
        return f"[{key}]" if key in self.species and key not in self._amounts else key


def parse(path: Path) -> ET.Element:
    """Return the root of an SBML file of level 2 or 3; anything else is a ConfigError."""
    try:
        root = ET.fromstring(path.read_bytes())
    except OSError as error:
        raise ConfigError(path, "model", f"cannot be read: {error.strerror}") from None
    except ET.ParseError as error:
        raise ConfigError(path, "model", f"is not an SBML file: {error}") from None
    if root.tag.rpartition("}")[2] != "sbml" or root.find(tag(root, "model")) is None:
        raise ConfigError(path, "model", "is not an SBML file: there is no model in it")
    if root.get("level") not in ("2", "3"):
        raise ConfigError(
            path, "level", f"{root.get('level')}: SBML of level 2 or 3 is needed", cure="Convert the file."
        )
    return root


def tag(root: ET.Element, name: str) -> str:
    """Return the name of an element in the file's own namespace."""
    return root.tag.removesuffix("sbml") + name


def listed(root: ET.Element, name: str) -> list[ET.Element]:
    """Return the entries of one of the model's own lists."""
    return list(root.findall(f"{tag(root, 'model')}/{tag(root, name)}/*[@id]"))


def _true(element: ET.Element, flag: str) -> bool:
    return element.get(flag, "false") in ("true", "1")


def assigned(root: ET.Element, rule: str) -> set[str]:
    """Return the ids that rules of a kind give their value or their rate."""
    return {each.get("variable", "") for each in root.iter(tag(root, rule))}


def repair(root: ET.Element) -> list[str]:
    """Make boundary species of the constant species that reactions would change; return their ids."""
    reacting = {each.get("species") for each in root.iter(tag(root, "speciesReference"))}
    repaired = []
    for each in listed(root, "listOfSpecies"):
        if each.get("id") in reacting and _true(each, "constant") and not _true(each, "boundaryCondition"):
            each.set("boundaryCondition", "true")
            repaired.append(each.get("id", ""))
    return repaired


def set_initial(root: ET.Element, key: str, value: float, path: Path) -> None:
    """Set a parameter's value or a species' initial concentration (amount where the file says so)."""
    given = {each.get("symbol") for each in root.iter(tag(root, "initialAssignment"))} | assigned(
        root, "assignmentRule"
    )
    if key in given:
        raise ConfigError(path, key, "is computed by the file: it cannot be set")
    for each in listed(root, "listOfParameters"):
        if each.get("id") == key:
            each.set("value", repr(float(value)))
    for each in listed(root, "listOfSpecies"):
        if each.get("id") == key:
            for old in ("initialAmount", "initialConcentration"):
                each.attrib.pop(old, None)
            amount = _true(each, "hasOnlySubstanceUnits")
            each.set("initialAmount" if amount else "initialConcentration", repr(float(value)))
