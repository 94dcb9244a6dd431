"""The house rules that a program can check: budgets, names, citations, the public page, what an import costs."""

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import spinula
from spinula.presets import bibliography

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
CODE = [*SOURCES, *sorted((ROOT / "tests").rglob("*.py")), *sorted((ROOT / "benchmarks").rglob("*.py"))]
# Numba kernels take their arrays one by one where a tuple would cost speed.
KERNELS = ("philox.py", "kernel.py", "kernels.py", "fused.py", "update.py", "rewire.py", "lanes.py")


def _functions(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_stay_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400
    for function in _functions(path):
        docstring = ast.get_docstring(function, clean=False) or ""
        length = function.end_lineno - function.lineno + 1 - len(docstring.splitlines())
        assert length <= 60, function.name


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_functions_take_at_most_six_parameters(path):
    if "commands" in path.parts:
        return  # each option of a command is one parameter
    for function in _functions(path):
        arguments = [*function.args.posonlyargs, *function.args.args]
        names = [argument.arg for argument in arguments if argument.arg not in ("self", "cls")]
        limit = 10 if path.name in KERNELS or path.parent.name == "kernels" else 6
        assert len(names) <= limit, function.name
        # Names of columns or of entries of a document; never passed through.
        assert function.args.kwarg is None or function.name in ("select", "print_json", "provenance", "save"), (
            function.name
        )


def test_folders_hold_at_most_ten_modules():
    for folder in {path.parent for path in SOURCES}:
        assert len([path for path in folder.glob("*.py") if path.name != "__init__.py"]) <= 10, folder


def test_no_room_is_called_utils():
    assert not {path.stem for path in SOURCES} & {"utils", "helpers", "base", "manager", "common", "misc"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_cited_key_is_in_the_bibliography(path):
    cited = set(re.findall(r"\[([a-z]+[12][0-9]{3}|mapmanager)\]", path.read_text(encoding="utf-8")))
    assert cited <= set(bibliography())


def test_the_public_page_is_short_and_documented():
    assert len(spinula.__all__) <= 36
    for name in spinula.__all__:
        thing = getattr(spinula, name)
        assert name == "__version__" or inspect.getdoc(thing), name
    with pytest.raises(AttributeError, match="no attribute"):
        spinula.nothing


def test_import_spinula_loads_nothing_heavy():
    code = (
        "import sys, spinula; print([m for m in ('numpy','numba','pandas','torch','matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_loads_nothing_heavy():
    code = (
        "import sys; sys.argv = ['spinula', '--help']\n"
        "from spinula.faces.cli import main\n"
        "main()\n"
        "print([m for m in ('numba', 'pandas', 'matplotlib', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")
    assert "simulate" in done.stdout


def test_each_dependency_has_its_sentence():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    vision = (ROOT / "VISION.md").read_text(encoding="utf-8")
    for requirement in project["dependencies"]:
        assert f"**{re.match(r'[a-z0-9-]+', requirement).group()}**" in vision


def test_no_machine_path_is_in_the_tree():
    for path in CODE:
        assert "/work" + "/" not in path.read_text(encoding="utf-8"), path
