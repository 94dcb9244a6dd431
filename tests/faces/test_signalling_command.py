import json
import re

import pytest
import typer
from typer.testing import CliRunner

from spinula.core.errors import SpinulaWarning
from spinula.faces.commands.signalling import signalling

pytest.importorskip("roadrunner", reason="the extra sbml is not installed")

RATE = '<kineticLaw><math xmlns="http://www.w3.org/1998/Math/MathML"><apply><times/><ci>cell</ci>{}</apply></math></kineticLaw>'
STEPS = [("primed", "ready", 3.0, "primed"), ("ready", "", 1.5, "ready"), ("DA", "", 20.0, "DA"),
         ("pool", "kinase", 3.0, "pool ready DA")]  # fmt: skip


@pytest.fixture
def file(tmp_path):
    """A window that rises and falls after the pairing, from a pool that was left open."""
    reactions, numbers = "", ""
    for number, (gone, made, value, factors) in enumerate(STEPS):
        sides = "".join(
            f'<listOf{side}><speciesReference species="{what}"/></listOf{side}>'
            for side, what in (("Reactants", gone), ("Products", made))
            if what
        )
        law = RATE.format("".join(f"<ci>{each}</ci>" for each in [f"k{number}", *factors.split()]))
        reactions += f'<reaction id="r{number}" reversible="false">{sides}{law}</reaction>'
        numbers += f'<parameter id="k{number}" value="{value}"/>'
    kinds = "".join(
        f'<species id="{key}" compartment="cell" initialConcentration="{start}" constant="{constant}"/>'
        for key, start, constant in (
            ("pool", 1, "true"),
            ("primed", 0, "false"),
            ("ready", 0, "false"),
            ("DA", 0, "false"),
            ("kinase", 0, "false"),
        )
    )
    path = tmp_path / "toy.xml"
    path.write_text(
        '<sbml xmlns="http://www.sbml.org/sbml/level2/version4" level="2" version="4"><model id="toy">'
        '<listOfCompartments><compartment id="cell" size="1"/></listOfCompartments>'
        f"<listOfSpecies>{kinds}</listOfSpecies><listOfParameters>{numbers}</listOfParameters>"
        f"<listOfReactions>{reactions}</listOfReactions></model></sbml>"
    )
    return path


def run(*arguments):
    app = typer.Typer()
    app.command()(signalling)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


USUAL = ("--pairing", "primed=1", "--modulator", "DA=1", "--observe", "kinase")


def test_json_is_one_document(file):
    with pytest.warns(SpinulaWarning, match="pool"):
        done = run(file, *USUAL, "--read", 20, "--delays=-1,0,0.3,0.7,1.2,2,5", "--kernel", "d1", "--json")
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["command"] == "signalling"
    assert document["schema_version"] == 1
    assert document["repaired"] == ["pool"]
    assert "CaMKII" in document["kernel"]
    assert [row["delay_s"] for row in document["window"]] == [-1.0, 0.0, 0.3, 0.7, 1.2, 2.0, 5.0]
    excess = [row["excess"] for row in document["window"]]
    assert excess[0] < 0.01 * max(excess)
    assert 0.0 < document["comparison"]["rms"] < 0.5
    assert document["comparison"]["kernel_peak_s"] == pytest.approx(0.655, abs=0.005)


def test_every_option_of_the_protocol_has_an_effect(file):
    def window(*more):
        with pytest.warns(SpinulaWarning):
            done = run(file, *USUAL, "--delays", "0.5", "--read", 20, "--json", *more)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)["window"][0]["response"]

    usual = window()
    options = [("--pairing-pulses", 5), ("--pairing-hz", 20), ("--modulator-pulses", 5), ("--modulator-hz", 5)]
    assert all(window(*option) != pytest.approx(usual, rel=0.01) for option in options)
    assert window("--set", "k3=6") == pytest.approx(2.0 * usual, rel=1e-4)
    assert window("--set", "kinase=2", "--settle", 10) == pytest.approx(2.0 + usual, rel=1e-4)
    assert window("--read", 0.1) < usual
    held = ("--modulator", "k2=-10", "--modulator-width", 0.02, "--set", "DA=1")
    assert window(*held) > 0.0
    assert window("--pairing", "k0=1", "--pairing-width", 0.05) == 0.0


def test_a_table_and_three_numbers_for_people(file):
    with pytest.warns(SpinulaWarning):
        done = run(file, *USUAL, "--kernel", "d1")
    text = re.sub(r"\s+", " ", done.stdout)
    assert done.exit_code == 0
    assert "delay_s" in text
    assert "excess of PKA" in text
    assert "rms difference" in text
    with pytest.warns(SpinulaWarning):
        done = run(file, *USUAL, "--delays", "0.5")
    assert "rms" not in done.stdout
    with pytest.warns(SpinulaWarning):
        assert "D2 dips" in run(file, *USUAL, "--kernel", "d2").stdout


@pytest.mark.parametrize(
    ("option", "value"), [("--pairing", "primed"), ("--delays", "0,x"), ("--read", "last"), ("--kernel", "d3")]
)
def test_usage_errors_have_code_2(file, option, value):
    done = run(file, *USUAL, option, value)
    assert done.exit_code == 2
    assert option in done.stderr
