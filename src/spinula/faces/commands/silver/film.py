"""``silver grow`` and ``silver image``: a film, grown or photographed, as islands and gaps."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import typer

from spinula.faces import console, folder

app = typer.Typer(help="Silver films: grow one, or read one from a micrograph, as a graph of gaps.",
                  no_args_is_help=True)  # fmt: skip
_KINDS = ("spinodal", "cahn-hilliard", "holes")
_LAYOUTS = ("stripes", "ring", "interdigitated", "none")
_OURS = ("graph.npz", "islands.csv", "gaps.csv", "film.png", "movie.gif")

_OUT = typer.Option(Path("out") / "silver", "--out", help="Folder for graph.npz, islands.csv, gaps.csv, film.png.")
_LARGEST = typer.Option(30.0, "--largest-gap", help="Wider gaps are left out [nm].", min=0.0)
_ELECTRODES = typer.Option("stripes", help="stripes, ring, interdigitated or none.")
_ELECTRODE_WIDTH = typer.Option(0.06, "--electrode-width", help="Of a stripe, finger or pad, as share of the shorter "
                                "side.", min=0.001, max=0.3)  # fmt: skip
_COUNT = typer.Option(8, "--electrode-count", help="Pads of a ring, or fingers of both combs.", min=2)
_FORCE = typer.Option(False, help="Replace what is in --out.")
_JSON = typer.Option(False, "--json", help="Print one JSON document.")


@app.command("grow")
def grow(
    kind: str = typer.Option("spinodal", help="spinodal, cahn-hilliard or holes."),
    size: int = typer.Option(512, help="Side of the square film [px].", min=32, max=8192),
    nm_per_px: float = typer.Option(2.0, "--nm-per-px", help="Side of a pixel [nm]."),
    wavelength: float = typer.Option(60.0, help="Distance between islands [nm]; spinodal and cahn-hilliard."),
    coverage: float = typer.Option(0.42, help="Share of the area that is silver; spinodal and cahn-hilliard."),
    holes: float = typer.Option(1500.0, help="Holes per um2."),
    radius: float = typer.Option(25.0, help="Median radius of a hole [nm]."),
    particles: float = typer.Option(0.0, help="Nanoparticles tried per um2; 0: none."),
    diameter: float = typer.Option(8.0, help="Median diameter of a particle [nm]."),
    largest_gap: float = _LARGEST,
    electrodes: str = _ELECTRODES,
    electrode_width: float = _ELECTRODE_WIDTH,
    electrode_count: int = _COUNT,
    seed: int = typer.Option(None, help="Same seed, same film; drawn and stored if not given.", min=0),
    out: Path = _OUT,
    force: bool = _FORCE,
    as_json: bool = _JSON,
) -> None:
    """Grow a film of silver and write its islands and gaps."""
    _known("kind of film", kind, _KINDS)
    _known("layout of electrodes", electrodes, _LAYOUTS)
    target = _open(out, force)
    seed = console.choose_seed(seed)
    from spinula.engines.silver.film import deposits, fields

    shape, scale = (size, size), {"nm_per_px": nm_per_px, "seed": seed}
    if kind == "holes":
        film = fields.holes(shape, density=holes, radius=radius, nm_per_px=nm_per_px, seed=seed)
    else:
        make = fields.spinodal if kind == "spinodal" else fields.cahn_hilliard
        film = make(shape, wavelength=wavelength, coverage=coverage, nm_per_px=nm_per_px, seed=seed)
    if particles:
        film = deposits.add_particles(film, density=particles, diameter=diameter, seed=seed)
    masks = _masks(electrodes, shape, electrode_width, electrode_count)
    found = _write(target, film, masks, largest_gap)
    folder.write_provenance(target, "silver grow", seed=seed, content={"kind": kind, **scale, **found})
    _tell("silver grow", target, found, as_json)


@app.command("image")
def image(
    file: Path = typer.Argument(help="PNG or TIFF, 8 or 16 bit; silver is bright."),
    nm_per_px: float = typer.Option(..., "--nm-per-px", help="Side of a pixel [nm], from the scale bar."),
    smooth: float = typer.Option(1.0, help="Blur against noise [px].", min=0.0),
    smallest_area: float = typer.Option(0.0, "--smallest-area", help="Smaller specks are noise [nm2].", min=0.0),
    bottom: int = typer.Option(0, help="Rows to cut off below: the scale bar [px].", min=0),
    threshold: float = typer.Option(None, help="Grey value above which is silver (0 to 1); Otsu's if not given."),
    largest_gap: float = _LARGEST,
    electrodes: str = _ELECTRODES,
    electrode_width: float = _ELECTRODE_WIDTH,
    electrode_count: int = _COUNT,
    train: str = typer.Option(None, help="Protocol to run on it (`spinula list`): also report.html and movie.gif; "
                              "electrodes are then three pads."),
    seed: int = typer.Option(1, help="Of the spread of gaps, with --train.", min=0),
    out: Path = _OUT,
    force: bool = _FORCE,
    as_json: bool = _JSON,
) -> None:  # fmt: skip
    """Read a micrograph of a silver film, write its islands and gaps, and train the device that it makes."""
    _known("layout of electrodes", electrodes, _LAYOUTS)
    from spinula.engines.silver.film.image import read_film, read_grey

    if train:
        from spinula.studies.silver.protocol import load_silver

        load_silver(train)  # a name that is not known is told before anything is written
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        made = read_film(
            read_grey(file), nm_per_px=nm_per_px, smooth=smooth, smallest_area=smallest_area, bottom=bottom,
            threshold=threshold,
        )  # fmt: skip
    doubts = [str(one.message) for one in caught]
    for one in caught:
        warnings.warn(one.message, one.category, stacklevel=2)
    target = _open(out, force)
    masks = _masks("pads" if train else electrodes, made.film.silver.shape, electrode_width, electrode_count)
    found = _write(target, made.film, masks, largest_gap)
    quality = {name: getattr(made, name) for name in
               ("threshold", "separability", "noise", "foreshortening", "unevenness", "contrast")}  # fmt: skip
    content = {"file": file.name, "nm_per_px": nm_per_px, "picture": quality, "doubts": doubts, **found}
    if not train:
        folder.write_provenance(target, "silver image", seed=0, content=content)
        _tell("silver image", target, {**found, **quality}, as_json)
        return
    verdicts = _train(target, train, (made.film, masks), seed, content)
    _tell("silver image", target, {**found, **quality, "verdicts": verdicts}, as_json)


def _train(target: Path, name: str, film: tuple[Any, dict[str, Any]], seed: int, content: dict[str, Any]) -> list[Any]:
    """Run a protocol on a film that was read; write its page beside the graph, and return the verdicts."""
    from spinula.engines.silver.graph import GapGraph
    from spinula.faces.silver.running import show_film, sources
    from spinula.studies.silver.devices import Grown, load_device
    from spinula.studies.silver.protocol import load_silver

    found = load_silver(name)
    provenance = folder.write_provenance(
        target, "silver image", seed=seed, content={**content, "protocol": found.name, "sources": sources(found)}
    )
    graph = GapGraph.read(target / "graph.npz").component()
    origin = f"The film was read from {content['file']} at {content['nm_per_px']:g} nm per pixel."
    return show_film(
        target, found, Grown(film[0], film[1], graph), preset=load_device(found.file.device), seed=seed,
        provenance=provenance, origin=origin, warnings=content["doubts"],
    )  # fmt: skip


def _known(kind: str, name: str, known: tuple[str, ...]) -> None:
    if name not in known:
        from spinula.core.errors import UnknownNameError

        raise UnknownNameError(kind, name, known)


def _open(out: Path, force: bool) -> Path:
    target = folder.open_folder(out, force=force)
    for name in _OURS if force else ():
        (target / name).unlink(missing_ok=True)
    return target


def _masks(layout: str, shape: tuple[int, int], width: float, count: int) -> dict[str, Any]:
    from spinula.engines.silver.electrodes import interdigitated, ring, stripes

    wide = width * min(shape)
    if layout == "pads":
        from spinula.studies.silver.devices import pads

        return pads(shape, 0.22 * min(shape))
    if layout == "none":
        return {}
    if layout == "stripes":
        return stripes(shape, width=wide)
    if layout == "ring":
        return ring(shape, pads=count, size=wide)
    return interdigitated(shape, fingers=count, width=wide)


def _write(target: Path, film: Any, masks: dict[str, Any], largest_gap: float) -> dict[str, Any]:
    """Write graph, tables and figure; return what there is to say of them."""
    import numpy as np
    import pandas as pd

    from spinula.core.errors import InvalidInputError
    from spinula.core.files import replacing
    from spinula.engines.silver.islands import find_gaps
    from spinula.faces.silver.films import save_film

    graph, _ = find_gaps(film, largest_gap=largest_gap, electrodes=masks)
    if not graph.gaps:
        raise InvalidInputError(f"no gap is {largest_gap:g} nm or less.\n  Give a larger --largest-gap.")
    touches = np.full(graph.islands, "", object)
    for name, members in graph.electrodes.items():
        touches[members] = name
    tables = {
        "islands.csv": {"x_nm": graph.position[:, 0], "y_nm": graph.position[:, 1], "area_nm2": graph.area,
                        "electrode": touches},
        "gaps.csv": {"tail": graph.tail, "head": graph.head, "distance_nm": graph.distance, "width_nm": graph.width},
    }  # fmt: skip
    graph.write(target / "graph.npz")
    for name, columns in tables.items():
        with replacing(target / name) as temporary:
            pd.DataFrame(columns).to_csv(temporary, index_label=name.removesuffix("s.csv"), float_format="%.6g")
    save_film(target / "film.png", film, graph, masks)
    return {
        "islands": graph.islands, "gaps": graph.gaps, "coverage": film.coverage, "euler": film.euler(),
        "median_distance_nm": float(np.median(graph.distance)), "median_area_nm2": float(np.median(graph.area)),
        "electrodes": {name: len(members) for name, members in graph.electrodes.items()},
    }  # fmt: skip


def _tell(command: str, target: Path, found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        console.print_json(command, out=target, **found)
        return
    rows = console.table(f"{command}: {target}", ["", ""])
    for name, value in found.items():
        if name == "verdicts":
            for one in value:
                rows.add_row(one["claim"], f"{one['value']:.4g}  {'pass' if one['holds'] else 'FAIL'}")
            continue
        if isinstance(value, dict):
            value = ", ".join(f"{key} ({count} islands)" for key, count in value.items()) or "none"
        rows.add_row(name.replace("_", " "), f"{value:.4g}" if isinstance(value, float) else str(value))
    console.data.print(rows)
