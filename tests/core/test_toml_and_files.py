import os
import subprocess
import sys
import time

import pytest
from pydantic import BaseModel, ConfigDict

from spinula.core.errors import ConfigError
from spinula.core.files import replacing, write_text
from spinula.core.quantity import Quantity, quantity
from spinula.core.streams import Streams
from spinula.core.toml import load_toml


class _Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    rate: float = quantity(unit="1/day", what="a rate", gt=0)


class _Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    part: _Inner


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("[part]\nrate = -1\n", 2, "greater than 0"),
        ("[part]\n\nrat = 1\n", 3, "unknown key"),
        ("[part]\nrate = 'x'\n", 2, "valid number"),
        ("[part]\nrate = 1\n[other]\n", 3, "unknown key"),
        ("[part]\nrate = = 1\n", 2, "Invalid value"),
    ],
)
def test_a_wrong_file_is_named_with_line_and_key(tmp_path, text, line, message):
    path = tmp_path / "x.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        load_toml(path, _Outer)
    assert caught.value.line == line


def test_a_near_key_is_suggested(tmp_path):
    (tmp_path / "x.toml").write_text("[part]\nrat = 1\n")
    with pytest.raises(ConfigError, match="Did you mean 'rate'"):
        load_toml(tmp_path / "x.toml", _Outer)


def test_a_published_value_needs_a_source():
    with pytest.raises(ValueError, match="needs a source"):
        Quantity(value=1, unit="um3", how="stated")


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "x.txt"
    write_text(path, "old")

    def fail():
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["x.txt"]


def test_a_killed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "x.txt"
    write_text(path, "old")
    code = (
        "import sys,time;from spinula.core.files import replacing\n"
        "with replacing(sys.argv[1]) as t:\n t.write_text('half'); print('go', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"go\n"
    process.kill()
    process.wait()
    process.stdout.close()
    time.sleep(0.05)
    assert path.read_text() == "old"


def test_streams_depend_on_seed_and_name_only():
    assert Streams(1).key("a") == Streams(1).key("a")
    assert len({Streams(seed).key(name) for seed in range(50) for name in "abcd"}) == 200
    assert Streams(1).child("x").generator("a").random() != Streams(1).generator("a").random()
