"""examples/kserve/benchmark: the YAML against KServe's CRDs, and its options against the programs of bench/impact."""

import importlib
from pathlib import Path

import pytest
from test_kserve import EXAMPLES, ROOT, faults, pod_schema
from test_kserve import schemas as schemas

FOLDER = EXAMPLES / "benchmark"


def documents():
    yaml = pytest.importorskip("yaml")
    return {path.name: document for path in FOLDER.glob("*.yaml") for document in yaml.safe_load_all(path.read_text())}


def pod_of(document):
    return document["spec"]["predictor"] if document["kind"] == "InferenceService" else document["spec"]["template"]["spec"]


def test_the_yaml_fits_the_crds(schemas):
    found = documents()
    assert sorted(document["kind"] for document in found.values()) == ["InferenceService", "InferenceService", "Job"]
    for name, document in found.items():
        if document["kind"] == "Job":
            assert faults(pod_schema(schemas), pod_of(document)) == [], name
        else:
            assert faults(schemas["serving.kserve.io/v1beta1", "InferenceService"], document) == [], name


def test_services_scale_to_zero_and_differ_in_how_they_load_alone():
    services = [document for document in documents().values() if document["kind"] == "InferenceService"]
    loaders = set()
    for service in services:
        assert service["spec"]["predictor"]["minReplicas"] == 0
        (container,) = service["spec"]["predictor"]["containers"]
        loaders |= {word for word in container["args"] if word.startswith("--loader")}
    assert loaders == {"--loader=hf", "--loader=tzio"}
    (one,), (other,) = (service["spec"]["predictor"]["containers"] for service in services)
    for same in ("image", "command", "ports", "readinessProbe", "resources"):
        assert one[same] == other[same]
    models = {
        each["value"] for container in (one, other) for each in container.get("env", []) if each["name"] == "STORAGE_URI"
    }
    models |= {word.partition("=")[2] for word in one["args"] + other["args"] if word.startswith("--model=s3:")}
    assert len(models) == 1


@pytest.mark.parametrize("name", ["hf.yaml", "tzio.yaml", "client-job.yaml"])
def test_the_programs_are_in_the_image_and_take_these_options(name, monkeypatch):
    pytest.importorskip("yaml")
    (container,) = pod_of(documents()[name])["containers"]
    python, script = container["command"]
    assert python == "python"
    assert "COPY . /src\n" in (EXAMPLES / "Dockerfile").read_text()
    monkeypatch.syspath_prepend(str(ROOT / "bench" / "impact"))
    program = importlib.import_module(Path(script).stem)
    assert Path(program.__file__) == ROOT / script.removeprefix("/src/")
    program.parser().parse_args(container["args"])  # a wrong one ends the test
