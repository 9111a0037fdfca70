"""`python -m tzio`: the command serialize, to folders and S3, and info."""

import json
import os
import subprocess
import sys

import pytest
import tensorizer
import torch
import transformers
import tzio
import tzio.commands.serialize
import tzio.safetensors.torch
import tzio.tensorizer
import tzio.transformers
from buckets import serving_buckets
from small_models import experts, logits, save_model
from tzio.commands.command_line import main


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("source") / "tiny"
    return folder, save_model(folder)


@pytest.fixture
def serialize(source, capfd):
    """Runs the command on the source unless told otherwise; gives its exit code, stdout and stderr."""

    def run(*words, model=source[0]):
        capfd.readouterr()
        code = main(["serialize", "--hf-model-id", str(model), *map(str, words)])
        said = capfd.readouterr()
        return code, said.out, said.err

    return run


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# --- folders


def test_a_folder_has_all_that_loading_takes(source, serialize, tmp_path):
    code, said, _ = serialize("--output", tmp_path / "out", "--validate")
    assert code == 0
    assert said == f"{tmp_path}/out/model.tensors: 12 tensors, validated\n"
    assert names(tmp_path) == ["out"]
    model = tzio.transformers.from_pretrained(tmp_path / "out")
    assert torch.equal(logits(model), logits(source[1]))
    assert model.generation_config.max_length == 77
    tokenizer = tzio.transformers.tokenizer_from_pretrained(tmp_path / "out")
    assert tokenizer("the cat")["input_ids"] == [9, 10]


def test_the_weights_get_the_precision_that_was_asked_for(source, serialize, tmp_path):
    assert serialize("--output", tmp_path / "out", "--precision", "bfloat16")[0] == 0
    expected = transformers.AutoModelForCausalLM.from_pretrained(source[0], dtype=torch.bfloat16).eval()
    model = tzio.transformers.from_pretrained(tmp_path / "out")
    assert model.dtype == torch.bfloat16
    assert torch.equal(logits(model), logits(expected))


@pytest.mark.parametrize("package", [tzio.tensorizer, tensorizer], ids=["tzio", "tensorizer"])
def test_programs_of_tensorizer_load_it(source, serialize, tmp_path, package):
    assert serialize("--output", tmp_path / "out")[0] == 0
    config = transformers.AutoConfig.from_pretrained(tmp_path / "out")
    with package.utils.no_init_or_tensor():
        model = transformers.AutoModelForCausalLM.from_config(config)
    with package.TensorDeserializer(str(tmp_path / "out" / "model.tensors"), device="cpu", verify_hash=True) as read:
        read.load_into_module(model)
    assert torch.equal(logits(model.eval()), logits(source[1]))


def test_tied_weights_are_tied_again(serialize, tmp_path):
    made = save_model(tmp_path / "tied", tied=True, tokenizer=False)
    assert serialize("--output", tmp_path / "out", "--validate", model=tmp_path / "tied")[0] == 0
    model = tzio.transformers.from_pretrained(tmp_path / "out")
    assert model.lm_head.weight is model.model.embed_tokens.weight
    assert torch.equal(logits(model), logits(made))


def test_weights_that_transformers_joins_come_back(serialize, tmp_path):
    made = experts(layers=1).eval()
    made.save_pretrained(tmp_path / "experts")
    assert serialize("--output", tmp_path / "out", "--validate", model=tmp_path / "experts")[0] == 0
    assert torch.equal(logits(tzio.transformers.from_pretrained(tmp_path / "out")), logits(made))


def test_files_that_are_there_are_not_replaced_without_force(serialize, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "model.tensors").write_text("old")
    code, _, error = serialize("--output", out)
    assert code == 2
    assert f"{out}: has files already; --force" in error
    assert (out / "model.tensors").read_text() == "old"


def test_with_force_files_are_replaced_and_others_stay(source, serialize, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "model.tensors").write_text("old")
    (out / "notes").write_text("mine")
    assert serialize("--output", out, "--force")[0] == 0
    assert torch.equal(logits(tzio.transformers.from_pretrained(out)), logits(source[1]))
    assert (out / "notes").read_text() == "mine"
    assert names(tmp_path) == ["out"]


def test_a_model_that_lacks_weights_leaves_nothing(source, serialize, tmp_path):
    broken = tmp_path / "broken"
    save_model(broken)
    weights = tzio.load_file(broken / "model.safetensors")
    del weights["model.norm.weight"]
    tzio.safetensors.torch.save_file(weights, broken / "model.safetensors", {"format": "pt"})
    code, _, error = serialize("--output", tmp_path / "out", model=broken)
    assert code == 6
    assert "model.norm.weight" in error
    assert names(tmp_path) == ["broken"]


def test_a_folder_that_is_not_there_is_not_found(serialize, tmp_path):
    code, _, error = serialize("--output", tmp_path / "out", model=tmp_path / "nothing")
    assert code == 3
    assert f"{tmp_path}/nothing: there is no such folder" in error
    assert names(tmp_path) == []


def test_an_id_that_the_hub_does_not_give_is_not_found(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_TOKEN", "swordfish")
    ended = program("serialize", "--hf-model-id", "nobody/nothing", "--output", tmp_path / "out")
    assert ended.returncode == 3
    assert "tzio: nobody/nothing: " in ended.stderr
    assert "swordfish" not in ended.stdout + ended.stderr
    assert not (tmp_path / "out").exists()


def test_a_hub_that_does_not_answer_is_worth_another_try(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # where nobody listens
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    code = (
        "import sys, time, tzio.commands.command_line as c\n"
        "time.sleep = lambda _: None\n"  # between the tries of huggingface_hub
        "sys.exit(c.main(sys.argv[1:]))\n"
    )
    words = ["serialize", "--hf-model-id", "nosuchdir", "--output", str(tmp_path / "out")]
    ended = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=100
    )
    assert ended.returncode == 5, ended.stderr
    assert ended.stderr.splitlines()[-1].startswith("tzio: nosuchdir: ")
    assert ended.stderr.endswith("; nor is there a folder of this name here\n")
    lines = [line.removeprefix("tzio: ") for line in ended.stderr.splitlines() if "Retry 1/" in line]
    assert len(lines) == len(set(lines)), "said by huggingface_hub, and not again"


def test_a_model_of_no_known_type_is_bad_data(serialize, tmp_path):
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "config.json").write_text('{"model_type": "nothing-known"}')
    code, _, error = serialize("--output", tmp_path / "out", model=tmp_path / "odd")
    assert code == 6
    assert "nothing-known" in error


def test_validation_finds_a_tensor_that_is_not_the_models(serialize, tmp_path, monkeypatch):
    write = tzio.commands.serialize._write

    def write_another(module, path, encryption):
        with torch.no_grad():
            weight = module.model.norm.weight
            weight[3] += 1
            write(module, path, encryption)
            weight[3] -= 1

    monkeypatch.setattr(tzio.commands.serialize, "_write", write_another)
    code, _, error = serialize("--output", tmp_path / "out", "--validate")
    assert code == 6
    assert "model.norm.weight is not what the model has" in error
    assert names(tmp_path) == []


def test_validation_finds_damage(serialize, tmp_path, monkeypatch):
    write = tzio.commands.serialize._write

    def write_damaged(module, path, encryption):
        write(module, path, encryption)
        with open(path, "r+b") as file:
            file.seek(-100, os.SEEK_END)
            byte = file.read(1)
            file.seek(-100, os.SEEK_END)
            file.write(bytes([byte[0] ^ 1]))

    monkeypatch.setattr(tzio.commands.serialize, "_write", write_damaged)
    code, _, error = serialize("--output", tmp_path / "out", "--validate")
    assert code == 6
    assert "model.tensors" in error
    assert names(tmp_path) == []


# --- secrets


def test_a_key_from_a_file_encrypts(source, serialize, tmp_path):
    key = os.urandom(32)
    (tmp_path / "key").write_text(key.hex() + "\n")
    (tmp_path / "key").chmod(0o600)
    code, said, error = serialize("--output", tmp_path / "out", "--encrypt-key-file", tmp_path / "key", "--validate")
    assert code == 0
    assert key.hex() not in said + error
    with pytest.raises(tzio.CryptographyError):
        tzio.transformers.from_pretrained(tmp_path / "out")
    model = tzio.transformers.from_pretrained(tmp_path / "out", key=key)
    assert torch.equal(logits(model), logits(source[1]))


@pytest.mark.parametrize("place", ["file", "environment"])
def test_a_password_encrypts(source, serialize, tmp_path, monkeypatch, place):
    (tmp_path / "password").write_text("swordfish\n")
    (tmp_path / "password").chmod(0o600)
    monkeypatch.setenv("MODEL_PASSWORD", "swordfish")
    options = {
        "file": ["--encrypt-password-file", tmp_path / "password"],
        "environment": ["--encrypt-password-env", "MODEL_PASSWORD"],
    }
    code, said, error = serialize("--output", tmp_path / "out", "--validate", *options[place])
    assert code == 0
    assert "swordfish" not in said + error
    model = tzio.transformers.from_pretrained(tmp_path / "out", password="swordfish")
    assert torch.equal(logits(model), logits(source[1]))


def test_a_file_that_is_no_key_is_an_error_that_does_not_show_it(serialize, tmp_path):
    (tmp_path / "key").write_text("swordfish")
    code, _, error = serialize("--output", tmp_path / "out", "--encrypt-key-file", tmp_path / "key")
    assert code == 6
    assert f"{tmp_path}/key: no key" in error
    assert "swordfish" not in error


def test_a_key_that_others_can_read_is_warned_of(serialize, tmp_path, caplog):
    (tmp_path / "key").write_bytes(os.urandom(32))
    (tmp_path / "key").chmod(0o644)
    assert serialize("--output", tmp_path / "out", "--encrypt-key-file", tmp_path / "key")[0] == 0
    assert f"{tmp_path}/key: others can read" in caplog.text


def test_a_variable_without_a_password_is_an_error(serialize, tmp_path, monkeypatch):
    monkeypatch.delenv("MODEL_PASSWORD", raising=False)
    code, _, error = serialize("--output", tmp_path / "out", "--encrypt-password-env", "MODEL_PASSWORD")
    assert code == 2
    assert "MODEL_PASSWORD" in error


def test_secrets_are_no_arguments(serialize, capfd):
    with pytest.raises(SystemExit) as ended:
        serialize("--dest-bucket", "bucket", "--s3-secret-access-key", "swordfish")
    assert ended.value.code == 2
    error = capfd.readouterr().err
    assert "AWS_SECRET" in error
    assert "swordfish" not in error


# --- S3


@pytest.fixture
def bucket(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith(("AWS_", "S3_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))  # no ~/.aws, no ~/.s3cfg
    monkeypatch.setattr(tzio.tensorizer.stream_io, "_s3_default_config_paths", ())
    (tmp_path / "server").mkdir()
    with serving_buckets(tmp_path / "server") as server:
        monkeypatch.setenv("AWS_KEY", "tutorial")
        monkeypatch.setenv("AWS_SECRET", "swordfish")
        monkeypatch.setenv("AWS_HOST", server.address)
        yield server


def test_a_bucket_gets_what_the_tutorials_readers_look_for(source, serialize, bucket):
    code, said, _ = serialize("--dest-bucket", "bucket", "--precision", "float16", "--validate")
    assert code == 0
    assert said == "s3://bucket/tiny/fp16/model.tensors: 12 tensors, validated\n"
    assert {"tiny/fp16/config.json", "tiny/fp16/model.tensors", "tiny/fp16/tokenizer.json"} <= set(bucket.objects())
    assert bucket.keys[-1] == "bucket/tiny/fp16/config.json"
    assert bucket.signers == {"tutorial"}
    expected = transformers.AutoModelForCausalLM.from_pretrained(source[0], dtype=torch.float16).eval()
    model = tzio.transformers.from_pretrained("s3://bucket/tiny/fp16")
    assert torch.equal(logits(model), logits(expected))
    assert tzio.transformers.tokenizer_from_pretrained("s3://bucket/tiny/fp16")("the cat")["input_ids"] == [9, 10]


@pytest.mark.parametrize(
    "words",
    [
        ["--dest-bucket", "s3://bucket", "--dest-prefix", "models/mine"],
        ["--dest-bucket", "s3://bucket/models", "--dest-prefix", "mine"],
        ["--dest-bucket", "bucket", "--dest-prefix", "/models/mine/", "--s3-endpoint", "ENDPOINT"],
    ],
)
def test_prefixes_take_the_place_of_the_id(serialize, bucket, monkeypatch, words):
    if "ENDPOINT" in words:
        monkeypatch.setenv("AWS_HOST", "http://localhost:1")
    assert serialize(*[bucket.address if word == "ENDPOINT" else word for word in words])[0] == 0
    assert "models/mine/model.tensors" in bucket.objects()


def test_credentials_of_aws_go_before_those_of_the_tutorials(serialize, bucket, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "first")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "swordfish")
    assert serialize("--dest-bucket", "bucket")[0] == 0
    assert bucket.signers == {"first"}


def test_objects_that_are_there_are_not_replaced_without_force(serialize, bucket):
    old = bucket.folder / "bucket" / "tiny" / "config.json"
    old.parent.mkdir(parents=True)
    old.write_text("old")
    code, _, error = serialize("--dest-bucket", "bucket")
    assert code == 2
    assert "s3://bucket/tiny: has objects already; --force" in error
    assert (bucket.objects(), old.read_text()) == (["tiny/config.json"], "old")
    assert serialize("--dest-bucket", "bucket", "--force")[0] == 0
    assert old.read_text() != "old"


def test_an_upload_that_fails_takes_back_what_it_uploaded(serialize, bucket):
    bucket.refused = "model.tensors"
    code, said, error = serialize("--dest-bucket", "bucket")
    assert code == 4
    assert "s3://bucket/tiny/model.tensors: refused (AccessDenied)" in error
    assert "swordfish" not in said + error
    assert bucket.keys  # else nothing was taken back
    assert bucket.objects() == []


def test_an_upload_that_does_not_come_back_as_it_was_is_taken_back(serialize, bucket):
    bucket.damaged = "model.tensors"
    code, _, error = serialize("--dest-bucket", "bucket", "--validate")
    assert code == 6
    assert "s3://bucket/tiny/model.tensors" in error
    assert "bucket/tiny/config.json" in bucket.keys
    assert bucket.objects() == []


def test_a_server_that_is_away_may_be_tried_again(serialize, bucket, monkeypatch):
    monkeypatch.setenv("AWS_HOST", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    code, _, error = serialize("--dest-bucket", "bucket")
    assert code == 5
    assert "s3://bucket/tiny/" in error


def test_credentials_do_not_go_to_others_without_tls(serialize, bucket, monkeypatch):
    monkeypatch.setenv("AWS_HOST", "http://example.com")
    code, _, error = serialize("--dest-bucket", "bucket")
    assert code == 2
    assert "http://example.com: Non-HTTPS" in error


# --- diffusers




class Part(torch.nn.Module):
    """As a ModelMixin of diffusers."""

    def __init__(self, dtype):
        super().__init__()
        self.conv = torch.nn.Conv2d(2, 2, 3).to(dtype)
        self.scale = torch.nn.Parameter(torch.rand(2, dtype=dtype))

    def save_config(self, folder):
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "config.json"), "w") as file:
            json.dump({"_class_name": "Part"}, file)


class Scheduler:
    def save_pretrained(self, folder):
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "scheduler_config.json"), "w") as file:
            file.write("{}")


class DiffusionPipeline:
    """As diffusers 0.42 publishes it."""

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path, **kwargs):
        if set(kwargs) != {"torch_dtype", "token"}:
            raise TypeError(f"unexpected {set(kwargs)}")
        torch.manual_seed(8)
        text = transformers.CLIPTextConfig(
            vocab_size=50, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2
        )
        cls.made = cls()
        cls.made.components = {
            "unet": Part(kwargs["torch_dtype"]),
            "text_encoder": transformers.CLIPTextModel(text).to(kwargs["torch_dtype"]),
            "scheduler": Scheduler(),
            "safety_checker": None,
        }
        return cls.made

    def save_config(self, folder):
        with open(os.path.join(folder, "model_index.json"), "w") as file:
            json.dump({"_class_name": "DiffusionPipeline"}, file)


@pytest.fixture
def diffusers(monkeypatch):
    stand_in = type(sys)("diffusers")
    stand_in.DiffusionPipeline = DiffusionPipeline
    monkeypatch.setitem(sys.modules, "diffusers", stand_in)


def test_each_module_of_a_pipeline_gets_a_file(diffusers, serialize, tmp_path):
    out = tmp_path / "out"
    code, said, _ = serialize("--output", out, "--model-type", "diffusers", "--precision", "float16", "--validate")
    assert code == 0
    assert said.splitlines()[0] == f"{out}/unet.tensors: 3 tensors, validated"
    parts = ["scheduler", "text_encoder", "text_encoder.tensors", "unet", "unet.tensors"]
    assert names(out) == ["model_index.json", *parts]
    assert (names(out / "unet"), names(out / "scheduler")) == (["config.json"], ["scheduler_config.json"])
    for name, original in [(name, DiffusionPipeline.made.components[name]) for name in ("unet", "text_encoder")]:
        if name == "unet":
            again = Part(torch.float16)
        else:
            again = transformers.CLIPTextModel(transformers.CLIPTextConfig.from_pretrained(out / name))
        with tensorizer.TensorDeserializer(str(out / f"{name}.tensors"), device="cpu") as read:
            read.load_into_module(again)
        assert original.state_dict().keys() == again.state_dict().keys()
        for key, value in original.state_dict().items():
            assert value.dtype == torch.float16
            assert torch.equal(again.state_dict()[key], value), key


def test_a_pipeline_is_known_by_its_index(diffusers, serialize, tmp_path):
    (tmp_path / "pipeline").mkdir()
    (tmp_path / "pipeline" / "model_index.json").write_text("{}")
    assert serialize("--output", tmp_path / "out", model=tmp_path / "pipeline")[0] == 0
    assert "unet.tensors" in names(tmp_path / "out")


def test_diffusers_is_asked_for_by_name(serialize, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "diffusers", None)
    code, _, error = serialize("--output", tmp_path / "out", "--model-type", "diffusers")
    assert code == 2
    assert "pip install diffusers" in error


# --- the program


def program(*words):
    return subprocess.run([sys.executable, "-m", "tzio", *map(str, words)], capture_output=True, text=True, timeout=120)


def test_info_lists_tensors(source):
    ended = program("info", source[0])
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "  model.norm.weight  float32  [32]  128 bytes\n" in ended.stdout
    described = json.loads(program("info", "--json", source[0]).stdout)
    assert described["schema"] == "tzio-info/1"
    assert len(described["files"][0]["tensors"]) == 12


def test_info_of_nothing_is_an_exit_code_and_a_line(tmp_path):
    ended = program("info", tmp_path / "nothing.tensors")
    assert ended.returncode == 3
    assert ended.stderr.startswith("tzio: ")
    assert "nothing.tensors" in ended.stderr


def test_arguments_that_cannot_hold_together_are_usage_errors(serialize, tmp_path):
    code, _, error = serialize("--output", tmp_path / "out", "--dest-prefix", "a")
    assert (code, "--dest-prefix" in error) == (2, True)
    code, _, error = serialize("--dest-bucket", "gs://bucket")
    assert (code, "gs://bucket" in error) == (2, True)


def test_a_command_that_is_told_to_end_leaves_nothing(source, tmp_path):
    """Stopped where it has written the weights and not yet given the folder its name."""
    stops = tmp_path / "stops.py"
    stops.write_text(
        "import os, signal, sys\n"
        "import tzio.commands.serialize as command\n"
        "from tzio.commands.command_line import main\n"
        "write = command._write\n"
        "def write_and_stop(*arguments):\n"
        "    write(*arguments)\n"
        f"    print(os.listdir({str(tmp_path)!r}), flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "command._write = write_and_stop\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    words = ["serialize", "--hf-model-id", source[0], "--output", tmp_path / "out"]
    ended = subprocess.run([sys.executable, stops, *words], capture_output=True, text=True, timeout=120)
    assert ended.returncode == 128 + 15
    assert ".partial" in ended.stdout  # else it was not in the middle
    assert names(tmp_path) == ["stops.py"]
