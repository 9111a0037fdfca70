"""Pages that `tz-bench html` writes, opened in a browser. See README.md."""

import json
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

REPOSITORY = Path(__file__).parents[2]
DATA = Path(__file__).parent / "data"
PICTURES = REPOSITORY / "build/report"


def pytest_addoption(parser):
    program = REPOSITORY / "build/release/bin/tz-bench"
    parser.addoption("--tz-bench", type=Path, default=program, help=f"the program (default: {program})")
    parser.addoption("--chromium", default=shutil.which("chromium"), help="the browser (default: chromium on PATH)")


@pytest.fixture
def result() -> dict:
    """A real result, to be changed as a test likes."""
    return json.loads((DATA / "result.json").read_text())


@pytest.fixture
def make_page(request, tmp_path):
    """Makes a page of a result and, unless that is None, a trace; returns its path."""

    def make(result: dict, trace=DATA / "trace.json") -> Path:
        exported, page = tmp_path / "result.json", tmp_path / "page.html"
        exported.write_text(json.dumps(result))
        more = ["--trace", trace] if trace else []
        subprocess.run([request.config.getoption("--tz-bench"), "html", exported, page, *more], check=True, timeout=60)
        return page

    return make


@pytest.fixture(scope="session")
def browser(request):
    with sync_playwright() as playwright:
        # without its sandbox: tests may run as root, and the pages are ours
        browser = playwright.chromium.launch(
            executable_path=request.config.getoption("--chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@dataclass
class Opened:
    """A page that was opened, and what it did that it should not."""

    page: object
    complaints: list = field(default_factory=list)

    def __getattr__(self, name):
        return getattr(self.page, name)

    def watch(self, path: Path):
        """Notes whatever the console says, and every request but the one for the page itself."""
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("requestfailed", lambda failed: self.complaints.append(f"failed: {failed.url}"))
        usual = (path.as_uri(), "data:")
        self.page.on(
            "request",
            lambda asked: asked.url.startswith(usual) or self.complaints.append(f"asked for {asked.url}"),
        )

    def texts(self, selector: str) -> list[str]:
        return [text.strip().replace("\u00a0", " ") for text in self.page.locator(selector).all_inner_texts()]

    def sections(self) -> list[str]:
        """The ids of those that are shown."""
        return self.page.eval_on_selector_all(
            "section", "all => all.filter(one => one.offsetHeight > 0).map(one => one.id)"
        )


@pytest.fixture
def open_page(browser, request):
    """Opens a file, takes its picture, and fails the test where the page complained or sent requests."""
    opened = []

    def open_file(path: Path, scheme: str = "light", width: int = 1100) -> Opened:
        page = Opened(browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 900}))
        opened.append(page)
        page.watch(path)
        page.goto(path.as_uri())
        PICTURES.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=PICTURES / f"{request.node.originalname}-{scheme}-{width}.png", full_page=True)
        return page

    yield open_file
    for page in opened:
        complaints = page.complaints
        page.close()
        assert complaints == []
