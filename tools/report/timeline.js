// One traced load: what each lane did when, and how its bytes came in.

const lane_height = 16;
const plot_width = 10000; // units of the drawings' own; they are stretched to the width there is
const curve_height = 220;

// A drawing that fills the width there is: only what is told has the same shape at every width.
function stretched(kind, height, told, ...children) {
    return shape("svg", {class: kind, viewBox: `0 0 ${plot_width} ${height}`, height, preserveAspectRatio: "none",
        role: "img", "aria-label": told}, ...children);
}

// All slices of a stage as one path: thousands of elements would be slow.
function stage_path(timeline, stage) {
    const unit = plot_width / timeline.seconds / 1e6;
    let path = "";
    for (const [lane, of, begin, length] of timeline.slices)
        if (of === stage)
            path += `M${(begin * unit).toFixed(2)} ${lane * lane_height + 2}h${Math.max(length * unit, 1).toFixed(2)}` +
                `v${lane_height - 4}h${(-Math.max(length * unit, 1)).toFixed(2)}z`;
    return shape("path", {d: path, "data-stage": timeline.stages[stage]});
}

// The slice of a lane at a time, or the nearest within a little.
function slice_at(timeline, lane, microseconds) {
    const near = timeline.seconds * 1e6 / 500;
    let best = null;
    let least = near;
    for (const slice of timeline.slices) {
        const distance = Math.max(slice[2] - microseconds, microseconds - slice[2] - slice[3], 0);
        if (slice[0] === lane && distance < least)
            [best, least] = [slice, distance];
    }
    return best;
}

function slice_text(timeline, slice) {
    const [lane, stage, begin, length, bytes, chunk] = slice;
    const when = `${time_text(length / 1e6)} from ${time_text(begin / 1e6)}`;
    return `${timeline.lanes[lane]}: ${timeline.stages[stage]}, ${when}` +
        (bytes > 0 ? `, ${size_text(bytes)}` : "") + `, chunk ${chunk}`;
}

function tell_slices(drawn, told, timeline) {
    const usual = "Point at a slice to see what it is.";
    told.textContent = usual;
    drawn.addEventListener("pointermove", event => {
        const place = drawn.getBoundingClientRect();
        const lane = Math.floor((event.clientY - place.top) / lane_height);
        const slice = slice_at(timeline, lane, (event.clientX - place.left) / place.width * timeline.seconds * 1e6);
        told.textContent = slice ? slice_text(timeline, slice) : usual;
    });
    drawn.addEventListener("pointerleave", () => { told.textContent = usual; });
}

// Of all time that lanes spent, by stage.
function shares(timeline) {
    const spent = timeline.stages.map(() => 0);
    for (const [, stage, , length] of timeline.slices)
        spent[stage] += length;
    const all = spent.reduce((a, b) => a + b, 0) || 1;
    return spent.map(each => each / all);
}

function stage_legend(timeline) {
    const of = shares(timeline);
    return legend(timeline.stages.map((stage, at) => ({
        text: `${stage} ${(100 * of[at]).toFixed(0)} %`,
        draw: () => [shape("rect", {"data-stage": stage, x: 0, y: 1, width: 16, height: 12, rx: 2})],
    })));
}

function grid_lines(most, height, wished) {
    return steps(most, wished).map(value => {
        const x = value / most * plot_width;
        return shape("line", {class: "grid", x1: x, x2: x, y1: 0, y2: height});
    });
}

function draw_timeline(timeline) {
    if (!timeline || !timeline.slices.length)
        return;
    const height = timeline.lanes.length * lane_height;
    const told_all = `What ${timeline.lanes.length} lanes did in ${time_text(timeline.seconds)}`;
    const drawn = stretched("lanes-drawn", height, told_all,
        ...grid_lines(timeline.seconds, height, 8), ...timeline.stages.map((stage, at) => stage_path(timeline, at)));
    const labels = element("div", {class: "labels lanes"}, ...timeline.lanes.map(name => element("span", {}, name)));
    for (const label of labels.children)
        label.style.height = `${lane_height}px`;
    const told = element("p", {class: "quiet told", "aria-live": "polite"});
    tell_slices(drawn, told, timeline);
    const about = timeline.labels.concat(timeline.left_out ? [`the first ${timeline.slices.length} of ` +
        `${timeline.slices.length + timeline.left_out} slices are drawn`] : []);
    const parts = about.length ? [element("p", {class: "quiet"}, about.join("; "))] : [];
    parts.push(element("div", {class: "plot"}, labels, drawn, axis(timeline.seconds, time_text, 5)),
        stage_legend(timeline), told);
    section("timeline", ...parts);
}

function curve(kind, points, timeline, most) {
    const x = seconds => (seconds / timeline.seconds * plot_width).toFixed(1);
    const y = bytes => (curve_height * (1 - bytes / most)).toFixed(1);
    let path = `M0 ${curve_height}`;
    for (const [seconds, bytes] of points)
        path += `H${x(seconds)}V${y(bytes)}`;
    return shape("path", {class: `curve ${kind}`, d: `${path}H${plot_width}`});
}

function last_bytes(points) {
    return points.length ? points[points.length - 1][1] : 0;
}

// Steps of whole powers of 1024, so that labels are short.
function byte_steps(most) {
    const unit = 1024 ** Math.min(4, Math.floor(Math.log2(most) / 10));
    return steps(most / unit, 4).map(value => value * unit);
}

function draw_progress(timeline) {
    if (!timeline || !timeline.done.length)
        return;
    const bytes = last_bytes(timeline.done);
    const most = 1.05 * Math.max(bytes, last_bytes(timeline.read), 1);
    const values = byte_steps(most);
    const levels = values.map(value => curve_height * (1 - value / most));
    const drawn = stretched("curves", curve_height, `${size_text(bytes)} in ${time_text(timeline.seconds)}`,
        ...levels.map(y => shape("line", {class: "grid", x1: 0, x2: plot_width, y1: y, y2: y})),
        ...grid_lines(timeline.seconds, curve_height, 5),
        curve("read", timeline.read, timeline, most), curve("done", timeline.done, timeline, most));
    const labels = element("div", {class: "labels values"},
        ...values.map(value => element("span", {}, size_text(value))));
    values.forEach((value, at) => { labels.children[at].style.bottom = percent(value / most); });
    const sign = kind => () => [shape("path", {class: `curve ${kind}`, d: "M0 7H16"})];
    section("progress", element("div", {class: "plot"}, labels, drawn, axis(timeline.seconds, time_text, 5)),
        legend([{text: "read", draw: sign("read")}, {text: "through all stages", draw: sign("done")}]),
        element("p", {class: "quiet"}, `${size_text(bytes)} in ${time_text(timeline.seconds)}: ` +
            `${rate_text(bytes / 1e9 / timeline.seconds)} GB/s, the trace included.`));
}
