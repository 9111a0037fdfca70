"""What is compiled and linked."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from build import relinked, sources_of  # noqa: E402

COMMAND = (
    ": && /usr/bin/c++ -O3 -Wl,--wrap=open tests/a_test.cpp.o -o bin/tz_format_test  format/libtz_format.a -lz"
    " && cd /x/build && cmake -P tests.cmake"
)


def test_copies_stand_before_the_archives():
    objects = {"format/a b.cpp": Path("/m/a b.o")}
    assert relinked(COMMAND, "tz_format_test", objects, Path("/m/bin/tz_format_test")) == (
        ": && /usr/bin/c++ -O3 -Wl,--wrap=open tests/a_test.cpp.o '/m/a b.o' -o /m/bin/tz_format_test"
        "  format/libtz_format.a -lz"
    )


def test_copies_of_a_library_that_is_not_linked_stay_out():
    objects = {"engine/keys.cpp": Path("/m/keys.o"), "tests/mutants/reached.cpp": Path("/m/reached.o")}
    linked = relinked(COMMAND, "tz_format_test", objects, Path("/m/bin/tz_format_test"))
    assert "keys.o" not in linked and "/m/reached.o -o" in linked


@pytest.mark.parametrize("program", ["tz_format", "tz_engine_test"])
def test_another_programs_command_is_refused(program):
    with pytest.raises(ValueError, match="links no"):
        relinked(COMMAND, program, {}, Path("/m/x"))


def test_a_header_brings_those_that_include_it():
    library = {"format/a.cpp": "#include <tz/format/h.hpp>", "format/b.cpp": "", "format/c.cpp": ""}
    assert sources_of({"format/c.cpp"}, library) == {"format/c.cpp"}
    assert sources_of({"format/c.cpp", "format/h.hpp"}, library) == {"format/a.cpp", "format/c.cpp"}
