"""The papers that numbers and methods come from: references.bib, read into memory."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class Reference:
    """One entry of references.bib."""

    key: str
    fields: dict[str, str]
    bibtex: str

    @property
    def short(self) -> str:
        """Author and year, as in a sentence.

        Examples
        --------
        >>> bibliography()["yasumatsu2008"].short
        'Yasumatsu et al. 2008'
        """
        authors = [name.split(",")[0].strip() for name in self.fields["author"].split(" and ")]
        who = authors[0] if len(authors) == 1 else " & ".join(authors) if len(authors) == 2 else f"{authors[0]} et al."
        return f"{who} {self.fields['year']}"


@cache
def bibliography() -> dict[str, Reference]:
    """Return all references by key."""
    text = files("spinula.presets").joinpath("references.bib").read_text(encoding="utf-8")
    found = {}
    for entry in re.finditer(r"@\w+\{([^,]+),\n(.*?)\n\}", text, re.DOTALL):
        fields = dict(re.findall(r"^\s*(\w+)\s*=\s*\{(.*)\},?$", entry.group(2), re.MULTILINE))
        found[entry.group(1)] = Reference(entry.group(1), fields, entry.group(0))
    return found
