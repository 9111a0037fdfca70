"""A slice of what `kill_saves` does, and that it would find a program that saves badly. Row 40 of tests/faults."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from calls import Watched, available
from jobs import Bad, FileJob
from power import Disk, digest
from saves import Saves

pytestmark = pytest.mark.skipif(not available(), reason="numbers of system calls are those of x86-64")

KILL_SAVES = Path(__file__).with_name("kill_saves")
KILLS = 48


def test_killed_saves_leave_the_old_file_or_the_new_one(build, tmp_path):
    report = tmp_path / "kills.json"
    command = [sys.executable, KILL_SAVES, "--kills", str(KILLS), "--build", build, "--report", report]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    found = json.loads(report.read_text())
    assert (found["kills"], found["bad"]) == (KILLS, 0), found
    cuts = [counts["power_cuts"] for counts in found["jobs"].values() if "power_cuts" in counts]
    assert len(cuts) == 7 and min(cuts) > 3, found


#: Programs that save as many do: over the old file, by renaming what is not synced, without a sync of the folder.
BAD_SAVERS = {
    "in place": "open(target, 'wb').write(data)",
    "nothing synced": "open(target + '.new', 'wb').write(data); os.rename(target + '.new', target)",
    "synced too late": (
        "file = open(target + '.new', 'wb'); file.write(data); file.flush()\n"
        "os.rename(target + '.new', target); os.fsync(file.fileno()); os.fsync(os.open(folder, 0))"
    ),
    "folder not synced": (
        "file = open(target + '.new', 'wb'); file.write(data); file.flush(); os.fsync(file.fileno())\n"
        "os.rename(target + '.new', target)"
    ),
}
GOOD_SAVER = BAD_SAVERS["folder not synced"] + "; os.fsync(os.open(folder, 0))"
BEGIN = "import os, sys; target = sys.argv[1]; folder = os.path.dirname(target); data = bytes(range(256)) * 4096\n"


def after_power_cuts(saver: str, folder: Path) -> tuple[set, set]:
    """What may be there if the power is cut before one of its calls, and after its end; old and new in words."""
    target = folder / "target"
    target.write_bytes(b"old")
    disk = Disk(target)
    words = {digest(target): "old"}
    ended = Watched(look=disk.look).run([sys.executable, "-c", BEGIN + saver, target], {})
    assert ended.code == 0, ended
    words[digest(target)] = "new"
    after = disk.end()
    return ({words.get(image, "torn") for image in images} for images in (disk.images, after))


@pytest.mark.parametrize("name", BAD_SAVERS)
def test_power_cut_shows_who_does_not_sync(name, tmp_path):
    before, after = after_power_cuts(BAD_SAVERS[name], tmp_path)
    assert "torn" in before or after != {"new"}


def test_power_cut_spares_who_syncs(tmp_path):
    before, after = after_power_cuts(GOOD_SAVER, tmp_path)
    assert before == {"old", "new"} and after == {"new"}


def test_kills_show_who_writes_in_place(build, tmp_path):
    saves = Saves(build, tmp_path, seed=1)
    place = tmp_path / "job"
    place.mkdir()
    command = [sys.executable, "-c", BEGIN + BAD_SAVERS["in place"], place / "target"]
    job = FileJob("in place", command, place, saves.tz, "", calls=2, target=place / "target", whole={"of no file"})
    with pytest.raises(Bad):
        for _ in range(30):
            saves.kill(job, at_a_call=True)
