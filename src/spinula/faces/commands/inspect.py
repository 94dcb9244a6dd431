"""``list``, ``show`` and ``cite``: what there is, what a preset says, and which papers it stands on."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from spinula.faces import console


def list_(as_json: bool = typer.Option(False, "--json", help="Print one JSON document.")) -> None:
    """List presets, conditions, protocols, experiments, laws, rules, measures, studies, parallels and rows."""
    from spinula import measures
    from spinula.engines.sparse.rules import RULES
    from spinula.faces.commands.memory import listed
    from spinula.law import FAMILIES
    from spinula.presets import load_preset, preset_names
    from spinula.presets.condition import condition_names, load_condition
    from spinula.studies.parallels.catalogue import PARALLELS
    from spinula.studies.protocol import load_protocol, protocol_names
    from spinula.studies.reinforcement import experiment_names, load_experiment
    from spinula.studies.silver.protocol import load_silver, silver_names
    from spinula.studies.validation.table import rows

    first_line = {name: (getattr(measures, name).__doc__ or "").split("\n")[0] for name in measures.__all__}
    presets = [load_preset(name) for name in preset_names()]
    conditions = [load_condition(name) for name in condition_names()]
    protocols = [load_protocol(name) for name in protocol_names()]
    experiments = [load_experiment(name) for name in experiment_names()]
    silver = [load_silver(name) for name in silver_names()]
    if as_json:
        console.print_json(
            "list",
            presets=[{"name": p.name, "title": p.about.title, "status": p.about.status} for p in presets],
            conditions=[{"name": c.name, "title": c.about.title, "kind": c.about.kind} for c in conditions],
            protocols=[{"name": p.name, "title": p.file.about.title} for p in protocols],
            experiments=[{"name": e.name, "title": e.file.about.title} for e in experiments],
            silver=[{"name": p.name, "title": p.file.about.title} for p in silver],
            rules=list(RULES),
            laws=[{"family": family, "stands_for": law.stands_for} for family, law in FAMILIES.items()],
            measures=[{"name": name, "what": what} for name, what in first_line.items()],
            memory=listed(),
            parallels=list(PARALLELS),
            rows=[{"number": row.number, "model": row.model, "quantity": row.quantity} for row in rows()],
        )
        return
    shown = console.table("Presets", ["name", "what", "status"])
    for preset in presets:
        shown.add_row(preset.name, preset.about.title, preset.about.status)
    console.data.print(shown)
    shown = console.table("\nConditions (spinula disorder, compare, atlas)", ["name", "what", "kind"])
    for condition in conditions:
        shown.add_row(condition.name, condition.about.title, condition.about.kind)
    console.data.print(shown)
    _pairs("Protocols (spinula run)", [(p.name, p.file.about.title) for p in protocols])
    _pairs("Experiments of rewards (spinula run)", [(e.name, e.file.about.title) for e in experiments])
    _pairs("Protocols of silver devices (spinula run)", [(p.name, p.file.about.title) for p in silver])
    shown = console.table("\nLaws", ["family", "stands for"])
    for family, law in FAMILIES.items():
        shown.add_row(family, law.stands_for)
    console.data.print(shown)
    console.data.print(f"\n[bold]Rules of training (spinula train)[/]\n{', '.join(RULES)}")
    _pairs("Measures (spinula.measures)", list(first_line.items()))
    _pairs("Studies of memory (spinula memory)", [(study["name"], study["title"]) for study in listed()])
    console.data.print(f"\n[bold]Parallels with machine learning (spinula run parallels)[/]\n{', '.join(PARALLELS)}")
    shown = console.table("\nValidation rows (spinula verify)", ["row", "model", "quantity", "target"])
    for row in rows():
        shown.add_row(str(row.number), row.model, row.quantity, row.target)
    console.data.print(shown)


def _pairs(title: str, rows: list[tuple[str, str]]) -> None:
    """Print names and what they are."""
    shown = console.table(f"\n{title}", ["name", "what"])
    for row in rows:
        shown.add_row(*row)
    console.data.print(shown)


def show(
    preset: str = typer.Argument(help="A preset's name, conditions joined by +, or a preset TOML."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document."),
) -> None:
    """Show every number of a preset with its unit, its source and its status."""
    from spinula.presets import bibliography, load_preset
    from spinula.presets.compose import is_composition

    if is_composition(preset):
        from spinula.faces.commands.disorders.show import show_composition

        show_composition(preset, as_json)
        return
    found = load_preset(preset)
    if as_json:
        quantities = {key: quantity.model_dump() for key, quantity in found.quantities.items()}
        checks = [check.model_dump() for check in found.checks]
        console.print_json(
            "show", name=found.name, about=found.about.model_dump(), dynamics=found.dynamics.model_dump(),
            quantities=quantities, checks=checks,
        )  # fmt: skip
        return
    about = found.about
    console.data.print(f"[bold]{found.name}[/bold]: {about.title}  [{_colour(about.status)}]{about.status}[/]")
    where = ", ".join(text for text in (about.species, about.region, about.age, about.method) if text)
    console.data.print(where + (f"\n{about.note}" if about.note else ""), markup=False)
    law = found.dynamics.law
    console.data.print(f"law: {law.family} ({law.stands_for}); formation: {found.dynamics.formation.mode}\n")
    shown = console.table("", ["parameter", "value", "unit", "range", "how", "source", "where"])
    for key, quantity in found.quantities.items():
        source = bibliography()[quantity.source].short if quantity.source in bibliography() else quantity.source or "-"
        how = f"[{_colour(quantity.how)}]{quantity.how}[/]"
        span = f"{quantity.range[0]:g} to {quantity.range[1]:g}" if quantity.range else "-"
        shown.add_row(key, f"{quantity.value:g}", quantity.unit, span, how, source, quantity.where)
    console.data.print(shown)
    if found.checks:
        shown = console.table("\nExam", ["observable", "over", "published", "tolerance", "source", "note"])
        for check in found.checks:
            numbers = f"{check.over_days:g} day", f"{check.published:g}", f"{check.tolerance:g}"
            what = check.observable + (", with activity" if check.activity else "")
            shown.add_row(what, *numbers, bibliography()[check.source].short, check.note)
        console.data.print(shown)


def _colour(status: str) -> str:
    return {"assumed": "yellow", "fitted": "cyan"}.get(status, "green")


def cite(
    what: str = typer.Argument(help="A preset's name, a preset TOML, or the folder of a run."),
) -> None:
    """Print the BibTeX of the papers that a preset's numbers, or a run, stand on."""
    from spinula.core.errors import TableError
    from spinula.presets import bibliography, load_preset

    folder = Path(what)
    if folder.is_dir():
        if not (folder / "run.json").exists():
            raise TableError("holds no run.json", file=what, cure="Give the folder that --out named.")
        keys = json.loads((folder / "run.json").read_text(encoding="utf-8")).get("sources", [])
    else:
        found = load_preset(what)
        keys = [*found.sources, *method_sources(found.dynamics.law.family)]
    for key in sorted(set(keys)):
        typer.echo(bibliography()[key].bibtex + "\n")


def method_sources(family: str) -> list[str]:
    """Return the papers of the methods that a law's simulation uses."""
    laws = {
        "linear": ["yasumatsu2008"], "linear_quadratic": ["yasumatsu2008"], "log_reverting": ["yasumatsu2008"],
        "log_ou": ["loewenstein2011"], "two_time_log_ou": ["loewenstein2011"],
        "kesten": ["statman2014"], "kesten_map": ["statman2014", "kesten1973"],
    }  # fmt: skip
    return [*laws[family], "salmon2011", "kasai2021"]
