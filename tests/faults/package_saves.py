"""A save by the package, in a process of its own."""

import subprocess
import sys

#: Loads a file and saves its tensors; how that ends, in a line.
SAVE = """
import sys, tzio
source, target = sys.argv[1:]
tensors = tzio.load_file(source, framework="numpy")
try:
    tzio.save_file(tensors, target)
    print("saved")
except tzio.Error as error:
    print(type(error).__name__, error)
"""


def saved_in_python(environment, source, target, seconds, prepare=None) -> tuple[str, str]:
    """The error's class, or "saved", and its text."""
    ended = subprocess.run(
        [sys.executable, "-c", SAVE, source, target],
        env=environment,
        capture_output=True,
        text=True,
        timeout=seconds,
        preexec_fn=prepare,
    )
    assert ended.returncode == 0, ended
    kind, _, text = ended.stdout.partition(" ")
    return kind, text
