"""Run many independent cases: one after the other, over processes, or on a Dask cluster; each result kept in a file.

A case is a dict of plain values with a ``name``. Its result is written whole, under that name, by whoever computed it.
So a run that was cut goes on with what is missing, and a case that is begun twice because its worker was killed leaves
one file, with the bytes that it would have had anyway.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from spinula.core.errors import InvalidInputError, MissingExtraError, OutOfRangeError, SpinulaError, UsageError
from spinula.core.files import kept

Case = dict[str, Any]
Work = Callable[[Case, Path], Any]

# How often a pool of processes is started again after one of its workers was killed.
_RESTARTS = 3
# Names of files have at most 255 bytes; the temporary file beside a result is longer than it.
_LONGEST = 180


def run_cases(
    work: Work, cases: Sequence[Case], folder: Path, *, jobs: int = 1, cluster: str | None = None
) -> Iterator[tuple[Case, Any]]:
    """Run independent cases and yield each with its result, as results come.

    Cases whose result is in the folder are not run again; they come first.

    Parameters
    ----------
    work : function(case, folder) -> what JSON can hold
        Depends on the case alone; the folder is for what it wants to keep while it runs. Other processes must be able
        to get it: a function of a module, or one that cloudpickle can carry.
    cases : list of dict, each with a ``name`` of its own that can be the name of a file
    folder : Path
        One file per case: NAME.json. Workers on other machines should see it (then nothing is lost when this process
        ends); if they do not, results are written when they arrive.
    jobs : int, processes on this machine
    cluster : str or None, address of a Dask scheduler, such as tcp://127.0.0.1:8786; its workers should have one
        thread each, as kernels use threads of their own

    Raises
    ------
    InvalidInputError
        If two cases have one name, or a name cannot be that of a file in the folder.
    OutOfRangeError
        If ``jobs`` is not positive.
    UsageError
        If both ``jobs`` and ``cluster`` are given, or no scheduler answers at the address.
    MissingExtraError
        If ``cluster`` is given and ``distributed`` is not installed.
    SpinulaError
        If workers that run a case are killed again and again.
    """
    names = [case["name"] for case in cases]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidInputError(f"two cases are called {twice!r}.\n  Results are kept by name: give each its own.")
    for name in names:
        if "/" in name or "\\" in name:  # an absolute path would leave the folder
            raise InvalidInputError(f"a case is called {name!r}, a path.\n  Results are kept by name: give it without.")
    if jobs < 1:
        raise OutOfRangeError("jobs", jobs, "wanted a positive number of processes")
    if cluster is not None and jobs > 1:
        raise UsageError("jobs are processes here, cluster is another machine's scheduler: give one.")
    folder = Path(folder).resolve()
    done = [case for case in cases if _file(folder, case).exists()]
    left = [case for case in cases if not _file(folder, case).exists()]
    for case in done:
        yield case, json.loads(_file(folder, case).read_text(encoding="utf-8"))
    if cluster is not None and left:
        yield from _on_cluster(work, left, folder, cluster)
    elif jobs > 1 and len(left) > 1:
        yield from _over_processes(work, left, folder, jobs)
    else:
        for case in left:
            yield case, _one(work, case, folder)


def sweep(
    function: Callable[..., Any],
    grid: Mapping[str, Iterable[Any]],
    folder: str | Path,
    *,
    jobs: int = 1,
    cluster: str | None = None,
) -> Iterator[tuple[dict[str, Any], Any]]:
    """Call a function at every point of a grid of parameters; yield (parameters, result) as results come.

    Parameters
    ----------
    function : function(**parameters) -> what JSON can hold
        If it draws random numbers, let ``seed`` be one of its parameters.
    grid : dict of lists of plain values (numbers, texts, True, False, None); all combinations are run
    folder : path, where results are kept, one file per point named by its values: a sweep that was cut goes on, one
        whose lists have grown runs what is new
    jobs, cluster : as in :func:`run_cases`

    Raises
    ------
    InvalidInputError
        If a value is not plain, or the folder holds the sweep of another function.

    Examples
    --------
    >>> import tempfile
    >>> def late(noise_slope, seed):
    ...     from spinula import Boundary, Dynamics, Layout, LinearLaw, Population
    ...     law = LinearLaw(recovery_rate=0.05, size_rest=0.09, noise_slope=noise_slope, noise_floor=0.004)
    ...     dynamics = Dynamics(law=law, boundary=Boundary(size_min=0.02, size_new=0.03))
    ...     first, last = Population(dynamics, seed=seed, layout=Layout(dendrites=10)).run(days=5, every=5)
    ...     return {"eliminated": last.eliminated}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     found = list(sweep(late, {"noise_slope": [0.2, 0.4], "seed": [1, 2]}, folder))
    >>> found[0][0]
    {'noise_slope': 0.2, 'seed': 1}
    >>> calm, lively = (sum(r["eliminated"] for p, r in found if p["noise_slope"] == slope) for slope in (0.2, 0.4))
    >>> calm < lively
    True
    """
    points = [dict(zip(grid, values, strict=True)) for values in itertools.product(*map(list, grid.values()))]
    cases = [{"name": point_name(point), "parameters": plain_point(point)} for point in points]
    folder = Path(folder)
    named = f"{function.__module__}.{function.__qualname__}"
    stored = kept(folder / "function.json", lambda: named)
    if stored != named:
        raise InvalidInputError(f"{folder} holds the sweep of {stored}, not of {named}.\n  Give another folder.")
    for case, found in run_cases(_Call(function), cases, folder, jobs=jobs, cluster=cluster):
        yield case["parameters"], found


class _Call:
    """Calls a function with the parameters of a case; an object, so that other processes can be handed it."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __call__(self, case: Case, folder: Path) -> Any:
        return self.function(**case["parameters"])


def plain_point(point: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a point with NumPy's numbers made plain; refuse what has no plain value."""
    plain = {}
    for name, value in point.items():
        value = value.item() if hasattr(value, "item") else value
        if not isinstance(value, str | int | float | bool | None):
            raise InvalidInputError(
                f"{name} = {value!r} is a {type(value).__name__}.\n"
                "  A grid holds numbers, texts, True, False or None: they name the files of the results."
            )
        plain[name] = value
    return plain


def point_name(point: Mapping[str, Any]) -> str:
    """Return a name for a point of a grid, from its values, that can be the name of a file.

    Examples
    --------
    >>> point_name({"noise_slope": 0.2, "seed": 1})
    'noise_slope=0.2,seed=1'
    """
    values = plain_point(point).items()
    name = ",".join(f"{quote(key, safe=' ')}={quote(_shown(value), safe=' +')}" for key, value in values)
    if len(name) > _LONGEST:
        name = name[:_LONGEST] + "-" + hashlib.blake2b(name.encode(), digest_size=8).hexdigest()
    return name


def _shown(value: Any) -> str:
    """Return a value as text; a text that could be taken for a number or for True keeps its quotes."""
    if not isinstance(value, str):
        return json.dumps(value)
    try:
        json.loads(value)
    except json.JSONDecodeError:
        return value
    return json.dumps(value)


def _file(folder: Path, case: Case) -> Path:
    return folder / f"{case['name']}.json"


def _one(work: Work, case: Case, folder: Path) -> Any:
    """Run one case, where it is run, and keep its result there; work that keeps it itself is not written again."""
    path = _file(folder, case)
    if path.exists():
        return json.loads(path.read_text(encoding="utf-8"))
    found = work(case, folder)
    return kept(path, lambda: found)


def _killed(name: str, times: int) -> SpinulaError:
    return SpinulaError(
        f"workers that ran {name} were killed {times} times: has the machine too little memory?\n"
        "  What was finished is kept; with fewer jobs the rest may fit."
    )


def _over_processes(work: Work, cases: list[Case], folder: Path, jobs: int) -> Iterator[tuple[Case, Any]]:
    from joblib import Parallel, delayed
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    left = {case["name"]: case for case in cases}
    for restart in itertools.count(1):
        # Never one job, which joblib would run here: what killed a worker must not kill this process.
        pool = Parallel(n_jobs=jobs, return_as="generator_unordered")
        running = pool(delayed(_named)(work, case, folder) for case in list(left.values()))
        try:
            for name, found in running:
                yield left.pop(name), found
            return
        except TerminatedWorkerError:
            # A pool that lost a worker is broken as a whole: its finished cases have their files, the others go on.
            if restart > _RESTARTS:
                raise _killed(" or ".join(list(left)[:jobs]), restart) from None
        finally:
            running.close()


def _named(work: Work, case: Case, folder: Path) -> tuple[str, Any]:
    return case["name"], _one(work, case, folder)


def _on_cluster(work: Work, cases: list[Case], folder: Path, address: str) -> Iterator[tuple[Case, Any]]:
    try:
        from distributed import Client, KilledWorker, as_completed
    except ImportError:
        raise MissingExtraError("distributed", "cluster") from None
    try:
        client = Client(address, set_as_default=False)
    except (OSError, ValueError) as error:
        raise UsageError(f"no Dask scheduler answers at {address}: {error}\n  Is it running?") from None
    with client:
        # Every call is a task of its own (not pure): the scheduler must not hand out another run's result by its key.
        futures = {client.submit(_one, work, case, folder, pure=False): case for case in cases}
        try:
            for future in as_completed(futures, loop=client.loop):
                case = futures[future]
                try:
                    found = future.result()
                except KilledWorker as error:
                    raise _killed(case["name"], error.allowed_failures + 1) from None
                # A worker on another machine may have written it on a disk that is not ours.
                yield case, kept(_file(folder, case), lambda found=found: found)
                future.release()
        finally:
            client.cancel(list(futures))
