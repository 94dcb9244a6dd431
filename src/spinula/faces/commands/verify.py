"""``verify``: run the validation table."""

from __future__ import annotations

import typer

from spinula.faces import console


def verify(
    numbers: list[str] = typer.Argument(None, help="Rows to run; all, if none is given."),
    seed: int = typer.Option(1, help="Seed of the simulations.", min=0),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document."),
) -> None:
    """Compare what was published or can be derived with what spinula reproduces, row by row.

    Leaves with exit code 1 if any row fails.
    """
    from spinula.presets import bibliography
    from spinula.studies.validation import rows, run_rows

    wanted = numbers or [row.number for row in rows()]
    results, interrupted = [], False
    try:
        with console.progress(len(wanted), "verify") as move:
            for result in run_rows(wanted, seed=seed):
                results.append(result)
                move(len(results), f"row {result.row.number}")
    except KeyboardInterrupt:
        interrupted = True  # the rows that ran are shown all the same
    passed = sum(result.passed for result in results)
    if as_json:
        content = [
            {
                "row": r.row.number, "model": r.row.model, "quantity": r.row.quantity, "target": r.row.target,
                "tolerance": r.row.tolerance, "kind": r.row.kind, "source": r.row.source,
                "reproduced": r.reproduced, "passed": r.passed, "detail": r.detail, "cpu_seconds": r.seconds,
            }
            for r in results
        ]  # fmt: skip
        console.print_json(
            "verify", seed=seed, passed=passed, failed=len(results) - passed, not_run=len(wanted) - len(results),
            rows=content,
        )  # fmt: skip
    else:
        shown = console.table(
            f"Validation, seed {seed}", ["row", "model: quantity", "target", "reproduced", "tolerance", ""]
        )
        for r in results:
            source = f" ({bibliography()[r.row.source].short})" if r.row.source else f" ({r.row.kind})"
            verdict = "[green]pass[/]" if r.passed else "[red bold]FAIL[/]"
            what = f"{r.row.model}: {r.row.quantity}"
            shown.add_row(str(r.row.number), what, r.row.target + source, r.reproduced, r.row.tolerance, verdict)
            if r.detail:
                shown.add_row("", "", "", f"[dim]{r.detail}[/]", "", "")
        console.data.print(shown)
        console.data.print(f"{passed} passed, {len(results) - passed} failed")
    if interrupted:
        raise typer.Exit(130)
    if passed < len(results):
        raise typer.Exit(1)
