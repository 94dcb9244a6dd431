"""``place``: which edit explains the difference between a laboratory's control and its mutant best."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer

from spinula.faces import console, folder


def place(
    control: Path = typer.Argument(None, help="The control: a table (CSV, Parquet), or fitted.toml of `spinula fit`."),
    mutant: Path = typer.Argument(
        None, help="The mutant, of the same kind; it may be the same file, see --mutant-rows."
    ),
    control_rows: list[str] = typer.Option([], "--control-rows", help="Rows of the control: genotype=WT."),
    mutant_rows: list[str] = typer.Option([], "--mutant-rows", help="Rows of the mutant: genotype=KO."),
    size: str = typer.Option(None, help="The column that holds the size."),
    base: str = typer.Option("neocortex_adult", help="The preset whose conditions are the candidates."),
    simulated: int = typer.Option(60, help="Animals per candidate, simulated as the laboratory images.", min=20),
    held_out: int = typer.Option(
        0, "--held-out", help="No tables: simulate so many laboratories and score the answers.", min=0
    ),
    out: Path = typer.Option(None, "--out", help="Folder for placement.svg, points.csv and run.json."),
    seed: int = typer.Option(1, help="Seed of what is simulated.", min=0),
    force: bool = typer.Option(False, help="Replace what is in --out."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document."),
) -> None:
    """Place a laboratory's mutant among the conditions: a probability for each edit, and the runner-up.

    A model for research, not for diagnosis.
    """
    from spinula.core.errors import UsageError

    options = {"--control-rows": control_rows, "--mutant-rows": mutant_rows, "--size": size}
    unread = ", ".join(name for name, given in options.items() if given)
    if held_out and (unread or control is not None):
        raise UsageError(
            f"--held-out reads no table, but here is {unread or control}.\n  Give --held-out alone, or two tables."
        )
    if held_out == 0 and (control is None or mutant is None):
        raise UsageError("two tables are wanted: the control and the mutant.\n  Or give --held-out 100 and none.")
    laws = held_out == 0 and control.suffix == mutant.suffix == ".toml"
    if laws and unread:
        raise UsageError(f"{unread} chooses from a table, and fitted.toml is none.\n  Leave it out, or give tables.")
    # Refuse at once what would be refused after the work; nothing is made or removed before the answer is there.
    if out and (out.is_file() or (out.exists() and not force)):
        folder.open_folder(out, force=force)
    if held_out:
        _held_out((held_out, base, simulated, seed), (out, force), as_json)
        return
    if laws:
        found, more = _fitted(control, mutant, base)
    else:
        found, more = _tables((control, control_rows), (mutant, mutant_rows), size, (base, simulated, seed))
    if out:
        target = folder.open_folder(out, force=force)
        _write(target, found, {"control": control.name, "mutant": mutant.name, "base": base, **more}, seed)
    from spinula.presets.compose import NOT_FOR_DIAGNOSIS

    if as_json:
        console.print_json(
            "place", seed=seed, note=NOT_FOR_DIAGNOSIS, base=base, fits=found.fits,
            candidates=found.table.to_dict("records"), statistics=found.statistics.to_dict("records"), **more,
        )  # fmt: skip
        return
    console.data.print(f"[yellow]{NOT_FOR_DIAGNOSIS}[/]")
    _show(found, more)


def _fitted(control: Path, mutant: Path, base: str) -> tuple[Any, dict[str, Any]]:
    from spinula.studies.disorders.placement.fitted import place_fitted

    return place_fitted(control, mutant, base=base), {}


def _tables(
    first: tuple[Path, list[str]], second: tuple[Path, list[str]], size: str | None, how: tuple[str, int, int]
) -> tuple[Any, dict[str, Any]]:
    from dataclasses import asdict

    from spinula.fit.readers.read import Reading, read_table
    from spinula.studies.disorders.placement.posterior import candidates
    from spinula.studies.disorders.placement.tables import place_tables

    tables = []
    for path, rows in (first, second):
        chosen = dict(text.split("=", 1) if "=" in text else (text, "") for text in rows)
        if "" in chosen.values():
            raise typer.BadParameter("wanted COLUMN=VALUE", param_hint="--control-rows, --mutant-rows")
        tables.append(read_table(path, Reading(size, None, {}, None, "unobserved", chosen)))
    base, simulated, seed = how
    with console.progress(len(candidates(base)), "candidates") as move:
        found = place_tables(tables[0], tables[1], seed=seed, base=base, simulated=simulated, told=move)
    more = {"laboratory": asdict(found.laboratory), "scatter": found.placement.scatter, "strange": found.strange}
    more["left_out"] = found.left_out
    return found.placement, more


def _held_out(how: tuple[int, str, int, int], where: tuple[Path | None, bool], as_json: bool) -> None:
    """Score simulated laboratories of several sizes; the figure's left half is of those of the reference's size."""
    import pandas as pd

    from spinula.faces.report.placement_figures import reliability_figure
    from spinula.presets.compose import NOT_FOR_DIAGNOSIS
    from spinula.studies.disorders.placement.simulated import FIELD
    from spinula.studies.disorders.placement.trial import ANIMALS, DENDRITES, by_size, reliability

    count, base, simulated, seed = how
    scores, bins, answers = [], pd.DataFrame(), pd.DataFrame()
    with console.progress(len(ANIMALS) * len(DENDRITES), "held-out laboratories") as move:
        for score, _, rows in by_size(seed=seed, count=count, simulated=simulated, base=base):
            scores.append(score)
            if (score["animals"], score["dendrites"]) == (FIELD.animals, FIELD.dendrites):
                bins, answers = reliability(rows), reliability(rows, first=True)
            move(len(scores), f"{score['animals']} animals, {score['dendrites']} dendrites")
    sizes = pd.DataFrame(scores)
    (main,) = [one for one in scores if (one["animals"], one["dendrites"]) == (FIELD.animals, FIELD.dendrites)]
    out, force = where
    if out:
        target = folder.open_folder(out, force=force)
        content = {"held_out": count, "base": base, "simulated": simulated}
        folder.write_provenance(target, "place", seed=seed, content=content)
        _save(target, lambda: reliability_figure(bins, answers, sizes, main), sizes)
    if as_json:
        console.print_json(
            "place", seed=seed, note=NOT_FOR_DIAGNOSIS, base=base, scores=scores, reliability=bins.to_dict("records"),
            reliability_of_first=answers.to_dict("records"),
        )  # fmt: skip
        return
    _show_scores(scores, base)


def _show_scores(scores: list[dict[str, Any]], base: str) -> None:
    from spinula.presets.compose import NOT_FOR_DIAGNOSIS

    shown = console.table(
        f"Held-out laboratories of {base}",
        ["animals", "dendrites", "right first", "in the first two", "by condition", "Brier"],
    )
    for one in scores:
        shown.add_row(
            str(one["animals"]), str(one["dendrites"]),
            f"{one['first']:.2f} [{one['first_low']:.2f}, {one['first_high']:.2f}]",
            f"{one['second']:.2f} [{one['second_low']:.2f}, {one['second_high']:.2f}]",
            f"{one['first_by_condition']:.2f}, {one['second_by_condition']:.2f}", f"{one['brier']:.2f}",
        )  # fmt: skip
    console.data.print(f"[yellow]{NOT_FOR_DIAGNOSIS}[/]")
    console.data.print(shown)
    console.data.print("probability of the first answer, and how often it was right (its calibration error in bins)")
    for one in scores:
        console.data.print(
            f"{one['animals']} animals, {one['dendrites']} dendrites: said {one['confidence']:.2f}, "
            f"right {one['first']:.2f} (error {one['calibration_error']:.2f})"
        )


def _write(target: Path, found: Any, content: dict[str, Any], seed: int) -> None:
    from spinula.faces.report.placement_figures import placement_figure
    from spinula.studies.disorders.placement.fitted import PARAMETERS
    from spinula.studies.disorders.placement.seen import STATISTICS

    folder.write_provenance(target, "place", seed=seed, content=content)
    names = STATISTICS | PARAMETERS
    _save(target, lambda: placement_figure(found.table, found.statistics, names), found.table.drop(columns="names"))


def _save(target: Path, draw: Callable[[], Any], frame: Any) -> None:
    import io

    from spinula.core.files import write_text
    from spinula.faces import figures

    write_text(target / "points.csv", frame.to_csv(index=False))
    with figures.style():
        buffer = io.StringIO()
        draw().savefig(buffer, format="svg", bbox_inches="tight", metadata={"Date": None})
    write_text(target / "placement.svg", buffer.getvalue())


def _show(found: Any, more: dict[str, Any]) -> None:
    from rich.markup import escape

    shown = console.table("\nWhich edit explains the difference", ["edit", "probability", "misfit"])
    for row in found.table.itertuples():
        if row.probability >= 0.005:
            shown.add_row(escape(row.label), f"{row.probability:.2f}", f"{row.misfit:.1f}")
    console.data.print(shown)
    first, second = found.table["label"].iloc[0], found.table["label"].iloc[min(1, len(found.table) - 1)]
    console.data.print(f"first: {first}; runner-up: {second}", markup=False)
    if " = " in first:
        console.data.print("names joined by = are one edit of the model here: nothing in these data can part them")
    if not found.fits:
        console.say("caution: not even the first edit explains the difference (misfit beyond 99 of 100)")
    if more.get("left_out"):
        console.say(f"caution: the last {more['left_out']} session(s) were left out: not every animal has them")
    if more.get("scatter", 1.0) > 1.3:
        console.say(f"caution: the animals scatter {more['scatter']:.1f} times as much as simulated ones; counted in")
    for name, away in more.get("strange", {}).items():
        console.say(f"caution: the control's {name} is {away:+.1f} SDs away from the base: another base may fit better")
