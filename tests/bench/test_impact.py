"""bench/impact: servers that start when the first request comes, on a tiny model; never how fast.

PYTHONPATH=build/release/python python -m pytest tests/bench/test_impact.py
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
IMPACT = ROOT / "bench" / "impact"
sys.path.insert(0, str(IMPACT))

import messages  # noqa: E402
import report  # noqa: E402

PATIENCE = 300  # seconds for what takes ten on an idle machine


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    transformers = pytest.importorskip("transformers")
    folder = tmp_path_factory.mktemp("model") / "tiny"
    config = transformers.GPT2Config(vocab_size=64, n_positions=32, n_embd=16, n_layer=2, n_head=2)
    transformers.GPT2LMHeadModel(config).save_pretrained(folder)
    return folder


@pytest.fixture
def own_server(tmp_path):
    """NAME=COMMAND of a script, which has its port in sys.argv[1] and notes its process in the file NAME.pid."""

    def write(name, script):
        path = tmp_path / f"{name}.py"
        path.write_text(f"import os, sys\nopen({str(tmp_path / name)!r} + '.pid', 'w').write(str(os.getpid()))\n{script}")
        return f"{name}={sys.executable} {path} {{port}}"

    return write


def command(model, folder, *words):
    return [sys.executable, str(IMPACT / "measure.py"), f"--model={model}", f"--folder={folder}", "--json", "-q", *words]


def measured(model, folder, *words):
    ended = subprocess.run(command(model, folder, *words), capture_output=True, text=True, timeout=PATIENCE)
    return ended, json.loads(ended.stdout or "{}")


def is_gone(pid_file):
    try:
        os.kill(int(pid_file.read_text()), 0)
    except ProcessLookupError:
        return True
    return False


# --- both servers


def test_both_servers_answer_all_requests(model, tmp_path):
    ended, result = measured(model, tmp_path, "--requests=10", "--runs=1", "--new-tokens=2")
    assert ended.returncode == 0, ended.stderr
    assert result["schema"] == "tz-bench-impact/1"
    assert result["model"]["architecture"] == "GPT2LMHeadModel"
    assert [run["server"] for run in result["runs"]] == ["hf", "tzio"]
    for run in result["runs"]:
        assert (run["outcome"], run["requests"], run["failed"], len(run["seconds"])) == ("answered", 10, 0, 10)
        assert run["seconds"] == sorted(run["seconds"])
        whole = run["start"].pop("first_answer")
        assert set(run["start"]) == set(report.PARTS)
        assert sum(run["start"].values()) == pytest.approx(whole)
        assert min(run["start"].values()) >= 0
        # a client connects before the server's process begins
        assert run["seconds"][0] > whole
    assert "tzio" in result["runs"][1]["versions"]
    assert list(tmp_path.iterdir()) == []


def test_both_servers_generate_the_same(model, tmp_path):
    answers = {}
    for loader in ("hf", "tzio"):
        from activator import Activator

        words = ["--loader", loader, "--model", str(model), "--port", "{port}"]
        server = Activator([sys.executable, str(IMPACT / "server.py"), *words], tmp_path / "log", PATIENCE, PATIENCE)
        asked = [([5, 6, 7], 4), ([5, 6, 7], 4), ([9], 1), ([], 1), ([5], 0)]
        answers[loader] = asyncio.run(exchanged(server, asked))
    assert answers["hf"] == answers["tzio"]
    assert [status for status, _ in answers["hf"]] == [200, 200, 200, 400, 400]
    assert answers["hf"][0] == answers["hf"][1]
    assert [len(made["tokens"]) for _, made in answers["hf"][:3]] == [7, 7, 2]


async def exchanged(server, asked):
    try:
        await server.listen()
        port = int(server.url.rpartition(":")[2])
        bodies = [json.dumps({"tokens": tokens, "new_tokens": count}).encode() for tokens, count in asked]
        sent = [messages.exchange("127.0.0.1", port, messages.request("POST", "/generate", "x", body)) for body in bodies]
        return [(status, json.loads(body)) for status, body in await asyncio.gather(*sent)]
    finally:
        await server.stop()


# --- servers that fail


SERVE = """
import http.server, threading
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.send_header('Content-Length', '2'); self.end_headers(); self.wfile.write(b'{}')
    def do_POST(self):
        REACTION
http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[1])), Handler).serve_forever()
"""


@pytest.mark.parametrize(
    ("script", "limits", "outcome", "said"),
    [
        ("print('no such weights', file=sys.stderr); sys.exit(3)", [], "crashed", "exit code 3; its last words: no such"),
        ("os.abort()", [], "crashed", "signal 6; it said nothing"),
        ("import time; time.sleep(1000)", ["--start-limit=1"], "timed_out", "not healthy after 1 s"),
        (SERVE.replace("REACTION", "os._exit(4)"), [], "crashed", "exit code 4"),
        (SERVE.replace("REACTION", "threading.Event().wait()"), ["--answer-limit=1"], "timed_out", "no whole answer within 1 s"),
        (SERVE.replace("REACTION", "self.send_error(500)"), [], "failed", "answers of [500]"),
    ],
)  # fmt: skip
def test_a_server_that_fails_is_reported_and_gone(model, tmp_path, own_server, script, limits, outcome, said):
    server = own_server("bad", script)
    ended, result = measured(model, tmp_path, "--servers=none", "--server", server, "--requests=3", "--runs=1", *limits)
    assert ended.returncode == 1
    (run,) = result["runs"]
    assert (run["outcome"], run["failed"], run["seconds"], run["start"]) == (outcome, 3, [], None)
    assert said in run["failure"]
    assert outcome in result["summary"]["notes"][0]
    assert is_gone(tmp_path / "bad.pid")


def test_a_server_that_fails_leaves_the_others_alone(model, tmp_path, own_server):
    good = SERVE.replace("REACTION", "self.do_GET()")
    servers = [f"--server={own_server('bad', 'sys.exit(1)')}", f"--server={own_server('good', good)}"]
    ended, result = measured(model, tmp_path, "--servers=none", *servers, "--requests=10", "--runs=2")
    assert [(run["server"], run["failed"]) for run in result["runs"]] == [("bad", 10), ("good", 0), ("good", 0), ("bad", 10)]
    by_name = {entry["server"]: entry for entry in result["summary"]["entries"]}
    assert (by_name["bad"]["percentiles"], by_name["bad"]["failed"]) == (None, 20)
    assert (by_name["good"]["rounds_answered"], set(by_name["good"]["percentiles"])) == (2, set(report.PERCENTILES))
    assert set(by_name["good"]["start"]) == {"first_answer"}  # it has no /times that tell more


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_outlives_a_benchmark_that_is_stopped(model, tmp_path, own_server, number):
    server = own_server("slow", "import time; time.sleep(1000)")
    words = command(model, tmp_path, "--servers=none", "--server", server, "--requests=3")
    started = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=heed_ctrl_c)
    pid_file = tmp_path / "slow.pid"
    while not pid_file.exists() or not pid_file.read_text():
        assert started.poll() is None
        time.sleep(0.02)
    started.send_signal(number)
    started.communicate(timeout=PATIENCE)
    assert started.returncode == (-signal.SIGKILL if number == signal.SIGKILL else 130)
    while not is_gone(pid_file):  # killed by the kernel, after its parent
        time.sleep(0.02)
    assert number == signal.SIGKILL or not list(tmp_path.glob("tz-impact-*"))


def heed_ctrl_c():
    """As in a terminal, also where the tests run in the background."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--from=ftp"], "isn't some of"),
        (["--size=big"], "no size"),
        (["--server=alone"], "isn't NAME=COMMAND"),
        (["--runs=0"], "at least 1"),
        (["--servers=none"], "no server"),
    ],
)
def test_a_wrong_option_is_a_usage_error(tmp_path, words, said):
    ended, _ = measured(tmp_path, tmp_path, *words)
    assert ended.returncode == 2
    assert said in ended.stderr


def test_a_folder_without_a_model_is_an_error_of_one_line(tmp_path):
    ended, _ = measured(tmp_path, tmp_path)
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert "config.json" in ended.stderr


# --- what came out


@pytest.mark.parametrize(
    ("count", "percent", "expected"), [(1, 50, 1), (100, 50, 50), (100, 99, 99), (100, 100, 100), (10, 99, 10), (3, 1, 1)]
)
def test_percentiles_are_times_that_were_measured(count, percent, expected):
    assert report.percentile([float(each) for each in range(1, count + 1)], percent) == expected


def test_a_failed_request_has_no_time():
    found = report.responses([(3.0, 200), (0.1, 502), (2.0, 200), (0.2, 0)])
    assert (found["requests"], found["failed"], found["seconds"]) == (4, 2, [2.0, 3.0])
    assert found["percentiles"] == {"p50": 2.0, "p90": 3.0, "p99": 3.0, "max": 3.0}


def test_the_parts_of_a_start_add_up():
    times = {"began": 1, "imported": 3, "downloaded": 10, "loaded": 12, "asked": 12.5, "generated": 20}
    found = report.parts(0.5, times, 21)
    assert found == {
        "first_answer": 20.5,
        "imports": 2.5,
        "download": 7,
        "load": 2,
        "wait": 0.5,
        "first_generation": 7.5,
        "answer": 1,
    }


def test_a_file_that_was_in_the_page_cache_is_told():
    run = {"round": 1, "server": "hf", "from": "local", "cache": "cold", "outcome": "answered", "failed": 0, "requests": 1}
    assert report.notes([run | {"cached_share": 0.0}]) == []
    (note,) = report.notes([run | {"cached_share": 0.5}])
    assert "was not cold: 50 %" in note


@pytest.mark.parametrize(
    "text, expected",
    [("https://me:secret@host/x", "https://***@host/x"), ("--endpoint=http://host:1/a@b", "--endpoint=http://host:1/a@b")],
)
def test_credentials_in_a_url_are_not_repeated(text, expected):
    assert report.without_secrets(text) == expected
