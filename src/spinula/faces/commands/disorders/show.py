"""How a composition of conditions is shown: what moved, by whom, from which paper, and what is only assumed."""

from __future__ import annotations

from spinula.faces import console


def show_composition(name: str, as_json: bool) -> None:
    """Show a base with conditions: every number that differs, and where each edit comes from."""
    from spinula.presets.compose import NOT_FOR_DIAGNOSIS, compose

    found = compose(name)
    changes = [
        {
            "key": change.key, "unit": change.unit, "base": change.base, "value": change.value,
            "beyond": change.beyond,
            "edits": [{"condition": who, **edit.model_dump(exclude_none=True)} for who, edit in change.edits],
        }
        for change in found.changes
    ]  # fmt: skip
    if as_json:
        console.print_json(
            "show", name=found.name, base=found.preset.name, note=NOT_FOR_DIAGNOSIS, changes=changes,
            conditions=[{"name": one.name, **one.about.model_dump()} for one in found.conditions],
            assumed=found.assumed, dynamics=found.dynamics.model_dump(), levers=found.levers.model_dump(),
        )  # fmt: skip
        return
    _show(found, NOT_FOR_DIAGNOSIS)


def _show(found: object, note: str) -> None:
    from rich.markup import escape

    from spinula.presets import bibliography
    from spinula.presets.compose import Composition

    assert isinstance(found, Composition)
    console.data.print(f"[bold]{escape(found.name)}[/bold]\n[yellow]{note}[/]")
    for one in found.conditions:
        where = ", ".join(text for text in (one.about.species, one.about.region, one.about.age) if text)
        console.data.print(f"{one.about.kind} {one.name}: {one.about.title} ({where})", markup=False)
        if one.about.note:
            console.data.print(f"  {one.about.note}", markup=False)
    shown = console.table(
        "\nWhat differs from the base", ["number", "base", "here", "unit", "by", "how", "source", "where"]
    )
    for change in found.changes:
        beyond = "  [yellow](beyond the base's range)[/]" if change.beyond else ""
        for number, (who, edit) in enumerate(change.edits):
            paper = bibliography()[edit.source].short if edit.source else "-"
            how = f"[yellow]{edit.how}[/]" if edit.how == "assumed" else f"[green]{edit.how}[/]"
            does = {"factor": f"x {edit.amount:g}", "value": f"= {edit.amount:g}", "restore": f"back {edit.amount:g}"}
            first = (
                (change.key, f"{change.base:g}", f"{change.value:g}{beyond}", change.unit) if number == 0 else [""] * 4
            )
            shown.add_row(*first, f"{who} {does[edit.operation]}", how, escape(paper), escape(edit.where))
    console.data.print(shown)
    if not found.changes:
        console.data.print("nothing differs from the base")
    findings = [(one.name, finding) for one in found.conditions for finding in one.findings]
    if findings:
        shown = console.table("\nExam", ["condition", "measure", "published", "source", "how", "where"])
        for name, finding in findings:
            paper = bibliography()[finding.source].short if finding.source else "-"
            shown.add_row(name, finding.measure, finding.direction, escape(paper), finding.how, escape(finding.where))
        console.data.print(shown)
