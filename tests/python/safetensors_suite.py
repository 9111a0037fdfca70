"""Runs the tests of the package `safetensors` itself, with it and with tzio.safetensors in its place.

    PYTHONPATH=build/release/python python tests/python/safetensors_suite.py [FOLDER]

Fetches them (the sdist from PyPI) into FOLDER, by default build/suites. Says how many pass for each, and fails where
one passes for the original alone. Tests of frameworks that are not installed don't count.
"""

import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree
from pathlib import Path

VERSION = "0.8.0"

# pip asks the build backend for metadata even to download; the real one wants a Rust toolchain.
BACKEND = f"""
import pathlib
def get_requires_for_build_wheel(config_settings=None):
    return []
def prepare_metadata_for_build_wheel(folder, config_settings=None):
    made = pathlib.Path(folder, "safetensors-{VERSION}.dist-info")
    made.mkdir()
    (made / "METADATA").write_text("Metadata-Version: 2.1\\nName: safetensors\\nVersion: {VERSION}\\n")
    (made / "WHEEL").write_text("Wheel-Version: 1.0\\n")
    return made.name
"""


def pytest_configure() -> None:
    """Called by pytest, which has this file as its plug-in in the second run."""
    import tzio.safetensors
    import tzio.safetensors.numpy
    import tzio.safetensors.torch

    for name in ("", ".numpy", ".torch"):
        sys.modules["safetensors" + name] = sys.modules["tzio.safetensors" + name]


def fetch(folder: Path) -> Path:
    archive = folder / f"safetensors-{VERSION}.tar.gz"
    if not archive.exists():
        backend = folder / "backend"
        backend.mkdir(parents=True, exist_ok=True)
        (backend / "maturin.py").write_text(BACKEND)
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-build-isolation"]
            + ["--no-binary", "safetensors", "--dest", str(folder), f"safetensors=={VERSION}"],
            env={**os.environ, "PYTHONPATH": str(backend)},
            check=True,
        )
    shutil.unpack_archive(archive, folder)
    return folder / f"safetensors-{VERSION}" / "bindings" / "python"


def run(tests: Path, report: Path, *arguments: str) -> dict[str, str]:
    """What became of each test."""
    paths = [str(Path(__file__).parent), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--continue-on-collection-errors"]
        + [*arguments, f"--junitxml={report}", "tests"],
        cwd=tests,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(os.path.abspath(path) for path in paths if path)},
        stdout=subprocess.DEVNULL,
        check=False,
        timeout=900,
    )
    results = {}
    for case in xml.etree.ElementTree.parse(report).iter("testcase"):
        ended = [part.tag for part in case if part.tag in ("failure", "error", "skipped")]
        results[f"{case.get('classname')}.{case.get('name')}"] = ended[0] if ended else "passed"
    return results


def main() -> int:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "build/suites").resolve()
    tests = fetch(folder)
    theirs = run(tests, folder / "theirs.xml")
    ours = run(tests, folder / "ours.xml", "-p", "safetensors_suite")
    passed = [name for name, ended in theirs.items() if ended == "passed"]
    kept = [name for name in passed if ours.get(name) == "passed"]
    for name in passed:
        if name not in kept:
            print(f"{name}: {ours.get(name, 'not run')}")
    print(f"safetensors {VERSION}: {len(passed)} of its tests pass with it, {len(kept)} of these with tzio.safetensors")
    return 0 if passed and kept == passed else 1


if __name__ == "__main__":
    sys.exit(main())
