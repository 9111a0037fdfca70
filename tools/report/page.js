// The page: reads its data and draws section by section.

// A section that can't be drawn says so and leaves the others alone.
function attempt(id, draw) {
    try {
        draw();
    } catch (error) {
        section(id, element("p", {class: "failed"}, `This can't be drawn: ${error.message}`));
    }
}

function draw_title(result) {
    const files = (result.summary && result.summary.files || []).map(each => base_name(each.file));
    const what = files.length ? files.join(", ") : "model weights";
    document.title = `${what} – tz-bench`;
    document.getElementById("title").textContent = `How fast ${what} ${files.length === 1 ? "loads" : "load"}`;
    const host = result.host || {};
    document.getElementById("subtitle").textContent =
        `tz-bench ${result.version || ""} · ${host.cpu || "unknown processor"}, ${host.cores || "?"} cores`;
}

const result_text = document.getElementById("result-data").textContent;
const result = JSON.parse(result_text);
const timeline = JSON.parse(document.getElementById("timeline-data").textContent);
attempt("summary", () => draw_title(result));
attempt("summary", () => draw_summary(result));
attempt("loads", () => result.summary && draw_loads(result));
attempt("sweep", () => draw_sweep(result));
attempt("timeline", () => draw_timeline(timeline));
attempt("progress", () => draw_progress(timeline));
attempt("machine", () => draw_machine(result));
attempt("notes", () => draw_notes(result));
attempt("raw", () => draw_raw(result, JSON.stringify(result, null, 2)));
