// The map of rates over concurrency and size of chunks.

const near_best = 0.97;
const high_share = 0.595; // from here on the other colour of text is easier to read

function cell_at(sweep, concurrency, chunk_bytes) {
    return sweep.cells.find(cell => cell.concurrency === concurrency && cell.chunk_bytes === chunk_bytes);
}

function heat_cell(cell, most) {
    if (!cell || !is_number(cell.gb_per_s))
        return element("td", {class: "none"}, "–");
    const share = cell.gb_per_s / most;
    const drawn = element("td", {class: [cell.best ? "best" : "", share > high_share ? "high" : ""].join(" ").trim()},
        rate_text(cell.gb_per_s));
    drawn.style.setProperty("--share", percent(share));
    return drawn;
}

// What stands within a few percent of the best, as words.
function near_text(sweep, best) {
    const near = sweep.cells.filter(cell => !cell.best && cell.gb_per_s >= near_best * best.gb_per_s)
        .map(cell => `${cell.concurrency} × ${size_text(cell.chunk_bytes)}`);
    return near.length ? ` Within 3 % of it: ${near.join(", ")}.` : " No other is within 3 % of it.";
}

function best_text(sweep, best) {
    const size = size_text(best.chunk_bytes).replace(" ", "");
    return ` The best, framed: --concurrency ${best.concurrency} --chunk-size ${size}.${near_text(sweep, best)}`;
}

function draw_sweep(result) {
    const sweep = result.sweep;
    if (!sweep || !sweep.cells.length)
        return;
    const most = Math.max(...sweep.cells.map(cell => cell.gb_per_s).filter(is_number), 1e-3);
    const head = element("tr", {}, element("th", {}, "chunks \\ lanes"),
        ...sweep.concurrency.map(lanes => element("th", {scope: "col"}, `${lanes}`)));
    const rows = sweep.chunk_bytes.map(bytes => element("tr", {}, element("th", {scope: "row"}, size_text(bytes)),
        ...sweep.concurrency.map(lanes => heat_cell(cell_at(sweep, lanes, bytes), most))));
    const best = sweep.cells.find(cell => cell.best);
    const table = element("table", {class: "heat"}, element("thead", {}, head), element("tbody", {}, ...rows));
    const told = "Rates by concurrency and size of chunks";
    const parts = [element("div", {class: "scroll", tabindex: 0, role: "group", "aria-label": told}, table)];
    parts.push(element("p", {class: "quiet"}, "Medians, GB/s." + (best ? best_text(sweep, best) : "")));
    section("sweep", ...parts);
}
