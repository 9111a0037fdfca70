"""examples/kserve: predictor and storage initializer, with a stand-in for KServe, and the YAML against its CRDs.

The CRDs are looked for in the folder $TZ_CRDS, or else ../shared/data/crds beside the repository."""

import asyncio
import importlib.util
import os
import shutil
import subprocess
import sys
import types
from argparse import ArgumentParser
from pathlib import Path

import pytest
import torch
from buckets import serving_buckets
from small_models import save_model
from tzio.commands.command_line import main
from tzio.commands.command_line import parser as commands

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "kserve"
CRDS = Path(os.environ.get("TZ_CRDS") or ROOT.parent / "shared" / "data" / "crds")


def example(name):
    spec = importlib.util.spec_from_file_location(f"kserve_{name}", EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# --- the predictor


class Model:
    """As kserve.Model of 0.21."""

    def __init__(self, name: str, return_response_headers: bool = False):
        self.name = name
        self.ready = False


class ModelServer:
    started = None

    def __init__(self, http_port: int = 8080):
        self.http_port = http_port

    def start(self, models):
        ModelServer.started = (self.http_port, models)


class InvalidInput(ValueError):
    pass


@pytest.fixture
def kserve(monkeypatch):
    stand_in = types.ModuleType("kserve")
    stand_in.Model, stand_in.ModelServer = Model, ModelServer
    stand_in.errors = types.ModuleType("kserve.errors")
    stand_in.errors.InvalidInput = InvalidInput
    stand_in.model_server = types.ModuleType("kserve.model_server")
    stand_in.model_server.parser = ArgumentParser(add_help=False)
    for name in ("--http_port", "--model_name", "--workers"):
        stand_in.model_server.parser.add_argument(name)
    for module in (stand_in, stand_in.errors, stand_in.model_server):
        monkeypatch.setitem(sys.modules, module.__name__, module)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("source") / "tiny"
    return folder, save_model(folder)


def start(monkeypatch, *words):
    """What `python predictor.py ...` would serve, and on which port."""
    monkeypatch.setattr(sys, "argv", ["predictor.py", *map(str, words)])
    example("predictor").main()
    port, (model,) = ModelServer.started
    return port, model


def predicted(model, *instances):
    return asyncio.run(model.predict({"instances": list(instances)}, {}))


def test_the_predictor_answers_what_the_model_says(kserve, source, tmp_path, monkeypatch):
    assert main(["serialize", "--hf-model-id", str(source[0]), "--output", str(tmp_path / "out")]) == 0
    port, model = start(monkeypatch, "--model_name=tiny", f"--model-uri={tmp_path}/out", "--port=80")
    assert (port, model.name, model.ready) == (80, "tiny", True)
    made = source[1].generate(torch.tensor([[9, 10]]), max_new_tokens=5, do_sample=False, pad_token_id=1)
    expected = model.generator._tokenizer.decode(made[0], skip_special_tokens=True)
    answer = predicted(model, {"prompt": "the cat", "max_new_tokens": 5}, "a b c")
    assert answer["predictions"][0] == expected
    assert len(answer["predictions"]) == 2


def test_the_predictor_decrypts(kserve, source, tmp_path, monkeypatch):
    key = tmp_path / "key"
    key.write_text(os.urandom(32).hex() + "\n")
    key.chmod(0o600)
    words = ["--output", str(tmp_path / "out"), "--encrypt-key-file", str(key)]
    assert main(["serialize", "--hf-model-id", str(source[0]), *words]) == 0
    _, model = start(monkeypatch, "--model-uri", tmp_path / "out", "--key-file", key)
    assert len(predicted(model, "the cat")["predictions"]) == 1


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"instances": "the cat"},
        {"instances": [""]},
        {"instances": [{"prompt": "the cat", "max_new_tokens": 0}]},
        {"instances": [{"prompt": "the cat", "max_new_tokens": 1025}]},
        {"instances": [{"prompt": "the cat", "max_new_tokens": True}]},
    ],
)
def test_a_request_of_no_use_is_refused(kserve, payload):
    model = example("predictor").predictor("tiny", lambda: None)
    model.load()
    with pytest.raises(InvalidInput):
        asyncio.run(model.predict(payload))


# --- the storage initializer


@pytest.fixture
def bucket(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith(("AWS_", "S3_"))]:
        monkeypatch.delenv(name)
    tz = shutil.which("tz") or ROOT / "build" / "release" / "bin" / "tz"
    if not Path(tz).is_file():
        pytest.skip("the program tz is neither in PATH nor in build/release/bin")
    monkeypatch.setenv("PATH", f"{Path(tz).parent}:{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path))
    for key, text in {"m/tiny/a": "1", "m/tiny/sub/b": "2", "m/tiny2/c": "3", "m/one.tensors": "4"}.items():
        path = tmp_path / "server" / "bucket" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    with serving_buckets(tmp_path / "server") as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.address)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "swordfish")
        yield server


def initialize(*words):
    return subprocess.run(
        [sys.executable, EXAMPLES / "storage_initializer.py", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_storage_initializer_copies_a_models_objects(bucket, tmp_path):
    ended = initialize("tzio-s3://bucket/m/tiny", tmp_path / "1", "s3://bucket/m/one.tensors", tmp_path / "2")
    assert ended.returncode == 0, ended.stderr
    copied = [path for folder in "12" for path in (tmp_path / folder).rglob("*") if path.is_file()]
    contents = {str(path.relative_to(tmp_path)): path.read_text() for path in copied}
    assert contents == {"1/a": "1", "1/sub/b": "2", "2/one.tensors": "4"}


def test_the_storage_initializer_says_in_a_line_what_failed(bucket, tmp_path):
    for words, said in [
        (["tzio-s3://bucket/nothing", tmp_path], "tzio-s3://bucket/nothing: there are no objects"),
        (["pvc://bucket/m", tmp_path], "pvc://bucket/m: is neither"),
        (["tzio-s3://bucket/m"], "usage: "),
    ]:
        ended = initialize(*words)
        assert ended.returncode == 1
        assert len(ended.stderr.splitlines()) == 1
        assert said in ended.stderr
        assert "swordfish" not in ended.stderr


# --- the YAML


def documents():
    yaml = pytest.importorskip("yaml")
    paths = sorted(EXAMPLES.glob("*.yaml"))
    return [(path.name, each) for path in paths for each in yaml.safe_load_all(path.read_text())]


@pytest.fixture(scope="module")
def schemas():
    """By apiVersion and kind; what they don't name is an error."""
    yaml = pytest.importorskip("yaml")
    pytest.importorskip("jsonschema")
    if not CRDS.is_dir():
        pytest.skip(f"no CRDs of KServe in {CRDS}; TZ_CRDS names another folder")
    found = {}
    for path in CRDS.glob("*.yaml"):
        crd = yaml.load(path.read_text(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        for version in crd["spec"]["versions"]:
            kind = f"{crd['spec']['group']}/{version['name']}", crd["spec"]["names"]["kind"]
            found[kind] = closed(version["schema"]["openAPIV3Schema"])
    return found


def closed(schema):
    """Without what KServe would drop in silence: fields of no name."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: closed(part) for name, part in schema.items()}
    if isinstance(made.get("properties"), dict) and not made.get("x-kubernetes-preserve-unknown-fields"):
        made.setdefault("additionalProperties", False)
    return made


def faults(schema, value):
    import jsonschema

    errors = jsonschema.Draft202012Validator(schema).iter_errors(value)
    return [f"{error.json_path}: {error.message}" for error in errors]


def pod_schema(schemas):
    """KServe's predictors are pods, with more; of a Job's pod nothing else tells."""
    service = schemas["serving.kserve.io/v1beta1", "InferenceService"]
    return service["properties"]["spec"]["properties"]["predictor"]


def test_the_yaml_fits_the_crds(schemas):
    checked = []
    for name, document in documents():
        kind = document["apiVersion"], document["kind"]
        if kind == ("batch/v1", "Job"):
            assert faults(pod_schema(schemas), document["spec"]["template"]["spec"]) == [], name
        elif kind not in (("v1", "Secret"), ("v1", "ServiceAccount")):
            assert faults(schemas[kind], document) == [], name
        checked.append(document["kind"])
    assert sorted(set(checked)) == ["ClusterStorageContainer", "InferenceService", "Job", "Secret", "ServiceAccount"]


def test_a_field_that_the_crd_lacks_is_found(schemas):
    for name, document in documents():
        if document["kind"] == "InferenceService":
            document["spec"]["predictor"]["containers"][0]["volumeMount"] = []
            (fault,) = faults(schemas["serving.kserve.io/v1beta1", "InferenceService"], document)
            assert "volumeMount" in fault, name


def test_the_yaml_names_secrets_and_programs_that_there_are():
    found = documents()
    secrets = {each["metadata"]["name"] for _, each in found if each["kind"] in ("Secret", "ServiceAccount")}
    copied = (EXAMPLES / "Dockerfile").read_text()
    seen = 0
    for name, document in found:
        if document["kind"] not in ("Job", "InferenceService"):
            continue
        is_job = document["kind"] == "Job"
        spec = document["spec"]["template"]["spec"] if is_job else document["spec"]["predictor"]
        wanted = {each["secret"]["secretName"] for each in spec.get("volumes", []) if "secret" in each}
        wanted |= {source["secretRef"]["name"] for each in spec["containers"] for source in each.get("envFrom", [])}
        assert wanted | {spec.get("serviceAccountName", "tzio-s3")} <= secrets, name
        (container,) = spec["containers"]
        if container["command"][:3] == ["python", "-m", "tzio"]:
            commands().parse_args([*container["command"][3:], *container["args"]])  # else ends the test
        else:
            assert container["command"] == ["python", "/app/predictor.py"], name
            example("predictor").parser().parse_args(container["args"])
            assert "examples/kserve/predictor.py" in copied
        seen += 1
    assert seen == 3


def test_the_image_has_what_the_build_takes():
    listed = (ROOT / "bootstrap").read_text().partition("build_packages='")[2].partition("'")[0]
    wanted = {line.split()[0] for line in listed.strip().splitlines()} - {"libgtest-dev", "libbenchmark-dev"}
    words = set((EXAMPLES / "Dockerfile").read_text().replace("libboost1.81-dev", "libboost-dev").split())
    assert wanted <= words
