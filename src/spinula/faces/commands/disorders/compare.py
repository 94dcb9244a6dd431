"""``compare`` and ``disorder``: one condition against another, or against its base, at every level."""

from __future__ import annotations

from typing import Any

import typer

from spinula.faces import console


def compare(
    first: str = typer.Argument(help="What to compare against: wild_type, a preset, or conditions joined by +."),
    second: str = typer.Argument(help="A condition, or several joined by +."),
    treat: str = typer.Option(None, "--treat", help="A treatment, shown beside the condition without it."),
    age: str = typer.Option(None, "--age", help="An age, on every side."),
    animals: int = typer.Option(0, help="Animals per group to image; 0: no imaging.", min=0),
    seed: int = typer.Option(1, help="Seed of what is simulated.", min=0),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document."),
) -> None:
    """Compare two conditions on every measure, with what papers say, and with a treatment if one is given.

    A model for research, not for diagnosis.
    """
    sides, names = _sides(first, second, treat, age)
    rows = _rows(_measured(sides), names, _spreads(sides))
    seen = _imaged(sides, animals, seed) if animals else []
    content: dict[str, Any] = {"against": sides[0].name, "compared": [one.name for one in sides[1:]]}
    if as_json:
        from spinula.presets.compose import NOT_FOR_DIAGNOSIS

        console.print_json("compare", seed=seed, note=NOT_FOR_DIAGNOSIS, **content, measures=rows, imaging=seen)
        return
    _show(sides, rows, seen)


def disorder(
    name: str = typer.Argument(help="A condition, or several joined by +, such as fragile_x+juvenile."),
    animals: int = typer.Option(8, help="Animals per group to image; 0: no imaging.", min=0),
    seed: int = typer.Option(1, help="Seed of what is simulated.", min=0),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document."),
) -> None:
    """Run a condition through every level against its base, from population to trained network, and its exam.

    A model for research, not for diagnosis.
    """
    from spinula.presets.compose import NOT_FOR_DIAGNOSIS

    sides, names = _sides("wild_type", name, None, None)
    rows = _rows(_measured(sides), names, _spreads(sides))
    seen = _imaged(sides, animals, seed) if animals else []
    exam = _exam(sides[1])
    if as_json:
        console.print_json(
            "disorder", name=sides[1].name, against=sides[0].name, seed=seed, note=NOT_FOR_DIAGNOSIS, measures=rows,
            imaging=seen, exam=exam,
        )  # fmt: skip
        return
    _show(sides, rows, seen)
    _show_exam(exam)


def _sides(first: str, second: str, treat: str | None, age: str | None) -> tuple[list[Any], list[str]]:
    """Return the compositions to compare: the first, the second, and the second with its treatment."""
    from spinula.core.errors import UsageError
    from spinula.presets.compose import WILD_TYPE, compose
    from spinula.presets.condition import condition_names, load_condition

    for name, kind in ((treat, "treatment"), (age, "age")):
        if name is not None and name in condition_names() and load_condition(name).about.kind != kind:
            raise UsageError(f"{name} is no {kind} but a {load_condition(name).about.kind}.\n  See `spinula list`.")
    more = [age] if age else []
    with_ = compose([*second.split("+"), *more])
    against = compose([with_.preset.name if first == WILD_TYPE else first, *more])
    if first != WILD_TYPE and "+" in first:
        against = compose([*first.split("+"), *more])
    sides = [against, with_]
    if treat:
        sides.append(compose([*second.split("+"), *more, *treat.split("+")]))
    return sides, [one.name for one in sides[-1].conditions]


def _measured(sides: list[Any]) -> list[dict[str, float]]:
    from spinula.studies.disorders.levels import measured

    found = []
    with console.progress(len(sides), "levels") as move:
        for number, one in enumerate(sides):
            found.append(measured(one))
            move(number + 1, one.name)
    return found


def _spreads(sides: list[Any]) -> list[dict[str, tuple[float, float, float]]]:
    """Return the effects of each side against the first with their intervals over networks and animals."""
    from spinula.studies.disorders.levels import spread

    return [spread(sides[0], one) for one in sides[1:]]


def _rows(
    values: list[dict[str, float]], names: list[str], spreads: list[dict[str, tuple[float, float, float]]]
) -> list[dict[str, Any]]:
    """Return one row per measure: values, effects against the first, and what papers say of these conditions.

    ``intervals`` holds the 95 % interval of each effect over seeds; nothing where a measure is exact for the model.
    """
    import numpy as np

    from spinula.presets import bibliography
    from spinula.presets.condition import load_condition
    from spinula.studies.disorders.levels import DIFFERENCES, MEASURES, effect, level_of

    said: dict[str, list[str]] = {}
    for name in names:
        for one in load_condition(name).findings:
            paper = bibliography()[one.source].short if one.source else one.how
            where = f" in {'+'.join(one.background)}" if one.background else ""
            said.setdefault(one.measure, []).append(f"{one.direction} by {name}{where} ({paper})")
    rows = []
    for measure, what in MEASURES.items():
        here = [one.get(measure, float("nan")) for one in values]
        if not np.isfinite(here[1:]).any():
            continue
        rows.append(
            {
                "measure": measure, "what": what, "level": level_of(measure), "values": here,
                "effects": [effect(measure, here[0], value) for value in here[1:]],
                "intervals": [list(one[measure][1:]) if measure in one else [] for one in spreads],
                "difference": measure in DIFFERENCES,
                "published": list(dict.fromkeys(said.get(measure, []))),
            }
        )  # fmt: skip
    return rows


def _imaged(sides: list[Any], count: int, seed: int) -> list[dict[str, Any]]:
    """Return what a laboratory would see, each side against the first; nothing for a base with activity."""
    from spinula.core.streams import Streams
    from spinula.studies.disorders.imaging import Laboratory, animals, contrast, expected

    if any(one.mechanisms.activity is not None for one in sides):
        console.say("a base with activity has no density of its own: it is not imaged here")
        return []
    laboratory, groups = Laboratory(animals=count), []
    with console.progress(len(sides), "imaging") as move:
        for number, one in enumerate(sides):
            groups.append(animals(one, laboratory, seed=Streams(seed).child(one.name).seed))
            move(number + 1, one.name)
    found = []
    for one, group in zip(sides[1:], groups[1:], strict=True):
        truth = expected(sides[0], laboratory), expected(one, laboratory)
        found += [{"with": one.name, **row} for row in contrast(groups[0], group, truth).to_dict("records")]
    return found


def _exam(composition: Any) -> list[dict[str, Any]]:
    from spinula.studies.disorders.exam import answer

    found = []
    wanted = [(one, finding) for one in composition.conditions for finding in one.findings]
    with console.progress(len(wanted), "exam") as move:
        for number, (condition, finding) in enumerate(wanted):
            one = answer(condition, finding, ranges=True)
            found.append(
                {
                    "condition": condition.name, "background": list(finding.background), "measure": finding.measure,
                    "published": finding.direction, "how": finding.how, "source": finding.source,
                    "effect": one.effect, "low": one.low, "high": one.high, "found": one.found, "agrees": one.agrees,
                    "restated": one.restates, "within": one.within, "reason": finding.reason,
                }
            )  # fmt: skip
            move(number + 1, finding.measure)
    return found


def _size(value: float, difference: bool) -> str:
    return "-" if value != value else f"{value:+.3g}" if difference else f"{100 * value:+.1f} %"


def _show(sides: list[Any], rows: list[dict[str, Any]], seen: list[dict[str, Any]]) -> None:
    from rich.markup import escape

    from spinula.presets.compose import NOT_FOR_DIAGNOSIS

    console.data.print(f"[yellow]{NOT_FOR_DIAGNOSIS}[/]\n")
    letters = "ABC"[: len(sides)]
    for letter, one in zip(letters, sides, strict=True):
        note = f"  [yellow](assumed: {', '.join(one.assumed)})[/]" if one.assumed else ""
        console.data.print(f"[bold]{letter}[/]  {escape(one.name)}{note}")
    columns = ["level", "measure", *letters, *(f"{letter} against A" for letter in letters[1:]), "published"]
    shown = console.table("\nLevels", columns)
    for row in rows:
        values = ["-" if value != value else f"{value:.4g}" for value in row["values"]]
        effects = [
            _size(value, row["difference"])
            + (f" [{_size(over[0], row['difference'])}, {_size(over[1], row['difference'])}]" if over else "")
            for value, over in zip(row["effects"], row["intervals"], strict=True)
        ]
        shown.add_row(row["level"], row["what"], *values, *effects, escape("; ".join(row["published"]) or "no data"))
    console.data.print(shown)
    if seen:
        shown = console.table(
            "\nImaging, animal by animal", ["with", "measure", "change [%]", "95 %", "Hedges' g", "p", "animals needed"]
        )
        for row in seen:
            need = "nothing to see" if row["needed"] != row["needed"] else f"{row['needed']:.0f} per group"
            shown.add_row(
                escape(row["with"]), row["measure"], f"{100 * row['change']:+.1f}",
                f"{100 * row['low']:+.1f} to {100 * row['high']:+.1f}", f"{row['effect']:+.2f}", f"{row['p']:.2g}",
                need,
            )  # fmt: skip
        console.data.print(shown)


def _show_exam(exam: list[dict[str, Any]]) -> None:
    from rich.markup import escape

    from spinula.presets import bibliography
    from spinula.studies.disorders.levels import DIFFERENCES

    shown = console.table(
        "\nExam: what papers report", ["condition", "measure", "published", "found", "over the edit's range", "", ""]
    )
    for row in exam:
        paper = bibliography()[row["source"]].short if row["source"] else "-"
        by = f"{row['published']} ({paper}, {row['how']})"
        verdict = "[green]agrees[/]" if row["agrees"] else "[red bold]DIFFERS[/]"
        both = row["low"] == row["low"]
        different = row["measure"] in DIFFERENCES
        span = f"{_size(row['low'], different)} to {_size(row['high'], different)}" if both else "edits are tied"
        name = row["condition"] + (f" in {'+'.join(row['background'])}" if row["background"] else "")
        note = row["reason"] if not row["agrees"] else "what the edit says itself" if row["restated"] else ""
        shown.add_row(escape(name), row["measure"], escape(by), _size(row["effect"], different), span, verdict, note)
    console.data.print(shown)
    agreed = sum(row["agrees"] for row in exam)
    console.data.print(f"{agreed} of {len(exam)} published directions reproduced")
