import pytest


def pytest_addoption(parser):
    parser.addoption("--tz-bench", default="build/release/bin/tz-bench", help="the built tz-bench")


@pytest.fixture(scope="session")
def tz_bench(request, pytestconfig):
    return str((pytestconfig.invocation_params.dir / request.config.getoption("--tz-bench")).resolve())
