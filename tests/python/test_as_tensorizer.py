"""tzio.tensorizer in tensorizer's place: by `python -m tzio.as_tensorizer` and by `install_as`."""

import os
import subprocess
import sys

import pytest
import tensorizer
import tzio


def run(*arguments, folder=None):
    """Of a new Python, since this one has the original."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(os.path.abspath(path) for path in sys.path if path)},
        check=False,
    )


def test_a_script_that_imports_tensorizer_gets_us(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import sys, tensorizer\n"
        "from tensorizer import TensorSerializer, stream_io\n"
        "from tensorizer.utils import no_init_or_tensor\n"
        "import tensorizer.serialization as s\n"
        "assert __name__ == '__main__' and __file__ == sys.argv[0]\n"
        "assert tensorizer.__name__ == 'tzio.tensorizer' and s.TensorSerializer is TensorSerializer\n"
        "print(sys.argv[1:])\n"
    )
    done = run("-m", "tzio.as_tensorizer", script, "argument", "--option")
    assert done.stdout == "['argument', '--option']\n", done.stderr


def test_a_script_finds_what_lies_beside_it(tmp_path):
    text = "from tensorizer import TensorDeserializer\nname = TensorDeserializer.__module__\n"
    (tmp_path / "beside.py").write_text(text)
    (tmp_path / "script.py").write_text("import beside\nprint(beside.name)\n")
    done = run("-m", "tzio.as_tensorizer", tmp_path / "script.py")
    assert done.stdout == "tzio.tensorizer.deserializer\n", done.stderr


def test_a_module_runs_as_by_python(tmp_path):
    package = tmp_path / "program"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text("import sys, tensorizer\nprint(tensorizer.__name__, sys.argv[1:])\n")
    done = run("-m", "tzio.as_tensorizer", "-m", "program", "-x", folder=tmp_path)
    assert done.stdout == "tzio.tensorizer ['-x']\n", done.stderr


def test_what_a_program_ends_with_is_what_it_ended_with(tmp_path):
    (tmp_path / "script.py").write_text("import sys\nsys.exit(7)\n")
    assert run("-m", "tzio.as_tensorizer", tmp_path / "script.py").returncode == 7


@pytest.mark.parametrize("arguments", [[], ["-m"], ["--option"]])
def test_without_a_program_it_says_how_to_call_it(arguments):
    done = run("-m", "tzio.as_tensorizer", *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: python -m tzio.as_tensorizer SCRIPT")


def test_who_asks_for_help_gets_it_without_an_error():
    done = run("-m", "tzio.as_tensorizer", "--help")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("usage: python -m tzio.as_tensorizer SCRIPT")


def test_install_as_may_be_called_again():
    code = "import tzio; tzio.install_as('tensorizer'); tzio.install_as('tensorizer'); import tensorizer.utils as u"
    done = run("-c", code + "; print(u.__name__)")
    assert done.stdout == "tzio.tensorizer.utils\n", done.stderr


def test_standing_in_for_what_is_in_use_is_refused():
    assert tensorizer.__name__ == "tensorizer"
    with pytest.raises(RuntimeError, match="imported already"):
        tzio.install_as("tensorizer")


def test_standing_in_for_another_package_is_refused():
    with pytest.raises(ValueError, match="numpy"):
        tzio.install_as("numpy")
