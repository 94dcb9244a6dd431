"""``simulate``: a preset, or a law of one's own, as a microscope would have seen it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import typer

from spinula.faces import console, folder
from spinula.faces.commands.inspect import method_sources


def simulate(
    preset: str = typer.Argument(help="A preset's name, or a preset TOML (such as the fitted.toml of a fit)."),
    out: Path = typer.Option(..., "--out", help="Folder for table.csv and run.json."),
    days: float = typer.Option(60.0, help="How long, in days.", min=1e-6),
    every: float = typer.Option(4.0, help="Days between imaging sessions.", min=1e-6),
    spines: int = typer.Option(2000, help="Spines at the start.", min=1),
    animals: int = typer.Option(4, help="Animals that the dendrites belong to.", min=1),
    dt: float = typer.Option(0.05, help="Time step, in days; turnover does not depend on it.", min=1e-6),
    log_noise: float = typer.Option(None, help="SD of the error of log-size; the preset's, else 0.15.", min=0.0),
    size_floor: float = typer.Option(None, help="Smallest size that is seen, um3; the preset's, else 0.", min=0.0),
    activity: bool = typer.Option(False, help="With the preset's spontaneous activity; else intrinsic dynamics alone."),
    set_: list[str] = typer.Option([], "--set", help="Change a number: law.noise_slope=0.25. May be repeated."),
    seed: int = typer.Option(None, help="Same seed, same bytes; drawn and stored if not given.", min=0),
    resume: bool = typer.Option(False, help="Go on with a run that was killed."),
    force: bool = typer.Option(False, help="Replace what is in --out."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document."),
) -> None:
    """Simulate a population, image it session by session, and write what was seen as a spine table."""
    from spinula.engines.observation import Microscope
    from spinula.engines.population import Layout
    from spinula.presets import change, load_preset
    from spinula.studies.recording import Plan, record

    found = change(load_preset(preset), _changes(set_))
    days, dt = _calendar(days, every, dt, found.dynamics.law)
    target = folder.open_folder(out, force=force, resume=resume)
    seed = console.choose_seed(folder.stored(target, "seed") if resume and seed is None else seed)
    seen = {"log_noise": 0.15, **found.microscope}
    seen.update(
        {key: value for key, value in (("log_noise", log_noise), ("size_floor", size_floor)) if value is not None}
    )
    layout = Layout.for_spines(spines, spine_density=found.spine_density or 1.0)
    mechanisms = _activity(found, activity)
    plan = Plan(found.dynamics, Microscope(**seen), layout, seed, days, every, dt, animals, found.name, mechanisms)
    counts: list[int] = []
    if not (resume and folder.is_finished(target, plan.fingerprint, "table.csv")):
        sources = [*found.sources, *method_sources(plan.dynamics.law.family)]
        content = {"preset": preset, "fingerprint": plan.fingerprint, "plan": plan.as_dict(), "sources": sources}
        folder.write_provenance(target, "simulate", seed=seed, content=content)
        used = ("law", "boundary", "formation", "observation", *(dict(mechanisms or ()) if activity else ()))
        if assumed := [key for key in found.assumed if key.partition(".")[0] in used]:
            console.say(f"assumed, not published: {', '.join(assumed)}")
        with console.progress(plan.sessions, "simulate") as move:
            for session, count in record(plan, target, resume=resume):
                counts.append(count)
                move(session + 1, f"session {session}: {count} spines")
        console.say(f"{plan.sessions} sessions, {counts[-1] if counts else 0} spines seen in the last")
    if as_json:
        console.print_json("simulate", seed=seed, out=target, sessions=plan.sessions, table=target / "table.csv")
    else:
        typer.echo(target / "table.csv")


def _activity(found: Any, wanted: bool) -> Any:
    """Return the mechanisms of a preset if its activity is wanted."""
    if wanted and found.mechanisms.activity is None:
        raise typer.BadParameter(f"{found.name} has no [activity]; ca1_slice has", param_hint="--activity")
    if found.mechanisms.activity is not None and not wanted:
        console.say("intrinsic dynamics alone (activity blocked); --activity adds the preset's spontaneous activity")
    return found.mechanisms if wanted else None


def _changes(pairs: list[str]) -> dict[str, float]:
    changes = {}
    for pair in pairs:
        key, _, value = pair.partition("=")
        try:
            changes[key.strip()] = float(value)
        except ValueError:
            raise typer.BadParameter(f"{pair!r} is not KEY=NUMBER", param_hint="--set") from None
    return changes


def _calendar(days: float, every: float, dt: float, law: Any) -> tuple[float, float]:
    """Return the last day that is imaged and a time step that divides ``every``, and say where they differ."""
    if days < every:
        raise typer.BadParameter(f"{days:g} is less than --every {every:g}: one session only", param_hint="--days")
    law.check_step(dt)
    step = every / math.ceil(every / dt - 1e-9)
    last = every * math.floor(days / every + 1e-9)
    if not math.isclose(step, dt):
        console.say(f"--dt {step:g}, so that whole steps make --every {every:g}")
    if not math.isclose(last, days):
        console.say(f"the last session is on day {last:g}: --every {every:g} does not divide --days {days:g}")
    return last, step
