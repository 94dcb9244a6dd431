"""The command line: ``spinula COMMAND``. Commands import what they need when they run, so that --help is quick."""

from __future__ import annotations

import sys
import warnings

import typer

from spinula.core.errors import SpinulaError, SpinulaWarning
from spinula.faces.commands import demo, fit, inspect, memory, run, signalling, simulate, study, train, verify
from spinula.faces.commands.disorders import atlas, compare, place
from spinula.faces.commands.silver import analyse, film
from spinula.faces.console import say

app = typer.Typer(
    name="spinula",
    help="The dynamics of dendritic spines: simulate, stimulate and image them, fit them to longitudinal tables.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("list")(inspect.list_)
app.command("show")(inspect.show)
app.command("cite")(inspect.cite)
app.command("simulate")(simulate.simulate)
app.command("run")(run.run)
app.command("fit")(fit.fit)
app.command("train")(train.train)
app.command("study")(study.study)
app.command("memory")(memory.memory)
app.command("disorder")(compare.disorder)
app.command("compare")(compare.compare)
app.command("atlas")(atlas.atlas)
app.command("place")(place.place)
app.command("signalling")(signalling.signalling)
film.app.command("analyse")(analyse.analyse)
app.add_typer(film.app, name="silver")
app.command("verify")(verify.verify)
app.command("demo")(demo.demo)


@app.callback(invoke_without_command=True)
def _root(version: bool = typer.Option(False, "--version", help="Print the version and leave.")) -> None:
    if version:
        from spinula import __version__

        typer.echo(f"spinula {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line; every error that spinula raises on purpose becomes a message and an exit code.

    Exit codes: 0 done, 1 a check failed, 2 usage, 3 invalid data or configuration, 4 did not converge, 5 a missing
    extra, 130 interrupted.
    """
    plain, warnings.showwarning = warnings.showwarning, _show_warning
    try:
        code = app(standalone_mode=False)
    except SpinulaError as error:
        say(f"{type(error).__name__}: {error}")
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        _say_interrupted()
        sys.exit(130)
    except OSError as error:
        say(f"{error.strerror or error}" + (f": {error.filename}" if error.filename else ""))
        sys.exit(3)
    except Exception as error:
        # Typer may carry its own copy of click, so that its usage errors are known by what they can do.
        if not hasattr(error, "show") or not hasattr(error, "exit_code"):
            raise
        error.show()
        sys.exit(error.exit_code)
    finally:
        warnings.showwarning = plain
    # Typer hands back the code of typer.Exit, and of an interrupt that it caught itself.
    if isinstance(code, int) and code:
        if code == 130:
            _say_interrupted()
        sys.exit(code)


def _say_interrupted() -> None:
    say("interrupted; what was finished is kept, and long commands go on with --resume")


_show_plainly = warnings.showwarning


def _show_warning(message: Warning | str, category: type[Warning], filename: str, lineno: int, *rest: object) -> None:
    """Show what a user should act on as a message, without the line of code it came from."""
    if issubclass(category, SpinulaWarning):
        say(f"warning: {' '.join(str(message).split())}")
    else:
        _show_plainly(message, category, filename, lineno)


if __name__ == "__main__":
    main()
