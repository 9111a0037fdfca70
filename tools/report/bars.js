// Loads as bars: medians, whiskers from least to most, samples, and what the machine allows.

const cache_texts = {
    warm: "from the page cache", cold: "from the disk", server: "from a server", memory: "in memory"};
const role_order = {load: 0, peer: 1, source: 2, stage: 3};

function cache_text(cache) {
    return cache_texts[cache] || cache;
}

function runs_of(result, entry) {
    return (result.runs || []).filter(run =>
        run.role === entry.role && run.name === entry.name && run.file === entry.file && run.cache === entry.cache);
}

// Ours in their order, then others, the fastest first; at the end what failed.
function in_order(entries) {
    const key = entry => [
        entry.samples > 0 ? 0 : 1, role_order[entry.role], entry.role === "load" ? 0 : -entry.gb_per_s.median];
    return entries.map((entry, at) => [...key(entry), at, entry])
        .sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2] || a[3] - b[3])
        .map(row => row[4]);
}

// Groups of loads: {file, cache, entries}.
function load_groups(result) {
    const groups = new Map();
    for (const entry of result.summary.entries) {
        if (entry.role !== "load" && entry.role !== "peer")
            continue;
        const key = `${entry.file}\n${entry.cache}`;
        if (!groups.has(key))
            groups.set(key, {file: entry.file, cache: entry.cache, entries: []});
        groups.get(key).entries.push(entry);
    }
    return [...groups.values()];
}

// The fastest read that loads of the group were held against: {name, gb_per_s}.
function fastest_read(result, group) {
    let best = null;
    for (const load of group.entries) {
        const source = result.summary.entries.find(entry => entry.role === "source" && entry.samples > 0 &&
            entry.name === load.best_source && entry.cache === group.cache);
        if (source && (!best || source.gb_per_s.median > best.gb_per_s))
            best = {name: source.name, gb_per_s: source.gb_per_s.median};
    }
    return best;
}

// Where the scale ends. Who hands out the page cache's own pages is beyond what copying allows by far, and would make
// all other bars short: such bars are cut off.
function most_of(entries, read) {
    const allowed = Math.max(...entries.map(entry => entry.ceiling_gb_per_s || 0), read ? read.gb_per_s : 0);
    const most = Math.max(...entries.map(entry => entry.gb_per_s.max), allowed, 1e-3);
    return 1.04 * (allowed > 0 ? Math.min(most, 2 * allowed) : most);
}

function line(kind, x, y1, y2) {
    return shape("line", {class: kind, x1: percent(x), x2: percent(x), y1, y2});
}

function entry_label(entry) {
    return entry.role === "load" ? `tzio ${entry.name}` : entry.name;
}

function disturbed_text(runs) {
    const count = runs.filter(run => run.disturbed).length;
    return count ? `, ${count} disturbed` : "";
}

function bar(entry, runs, most, read) {
    const {median, min, max} = entry.gb_per_s;
    const kind = entry.role === "load" ? "ours" : entry.role;
    const told = `${entry_label(entry)}: median ${rate_text(median)} GB/s, ${rate_text(min)} to ${rate_text(max)}, ` +
        `${entry.samples} samples${disturbed_text(runs)}`;
    const cut = median > most;
    const at = value => Math.min(value / most, 1);
    const drawn = shape("svg", {role: "img", "aria-label": told}, shape("title", {}, told));
    for (const value of steps(most))
        drawn.append(line("grid", value / most, 0, 28));
    drawn.append(shape("rect", {
        class: `of-${kind}`, x: 0, y: 6, width: percent(at(median)), height: 16, rx: cut ? 0 : 2}));
    if (read)
        drawn.append(line("fastest", read.gb_per_s / most, 0, 28));
    if (is_number(entry.ceiling_gb_per_s))
        drawn.append(line("own-ceiling", entry.ceiling_gb_per_s / most, 3, 25));
    drawn.append(...cut ? cut_off(kind) : spread(min, max, at),
        ...runs.filter(run => run.gb_per_s <= most).map(run => sample(run, at)));
    return drawn;
}

// The point of a bar that is longer than the scale.
function cut_off(kind) {
    return [shape("svg", {x: "100%", y: 0, width: 8, height: 28},
        shape("path", {class: `of-${kind}`, d: "M-.5 6L7 14L-.5 22z"}))];
}

function spread(min, max, at) {
    return [shape("line", {class: "whisker", x1: percent(at(min)), x2: percent(at(max)), y1: 14, y2: 14}),
        line("whisker", at(min), 10, 18), line("whisker", at(max), 10, 18)];
}

function sample(run, at) {
    return shape("circle", {class: run.disturbed ? "sample disturbed" : "sample", cx: percent(at(run.gb_per_s)), cy: 14,
        r: run.disturbed ? 4 : 2.5});
}

function figure(text, unit) {
    // where the table has no head, in narrow windows
    return element("td", {class: "figure"}, text, ...text ? [element("span", {class: "unit"}, ` ${unit}`)] : []);
}

function row(result, entry, most, read) {
    const name = element("td", {class: "name"}, entry_label(entry));
    const attributes = {class: entry.role === "load" ? "ours" : "other", "data-entry": entry.name};
    if (!(entry.samples > 0))
        return element("tr", attributes, name,
            element("td", {class: "failed", colspan: 4}, `no figures: ${entry.failure || "it took no sample"}`));
    const memory = is_number(entry.beside_bytes_max) ? size_text(entry.beside_bytes_max) : "";
    const cpu = is_number(entry.cpu_seconds_per_gb) ? entry.cpu_seconds_per_gb.toFixed(3) : "";
    return element("tr", attributes, name,
        element("td", {class: "bar"}, bar(entry, runs_of(result, entry), most, read)),
        figure(rate_text(entry.gb_per_s.median), "GB/s"), figure(cpu, "CPU s/GB"), figure(memory, "beside"));
}

function head() {
    const titles = ["GB/s", "CPU s/GB", "memory beside"];
    return element("thead", {}, element("tr", {}, element("th", {}), element("th", {}),
        ...titles.map(title => element("th", {class: "figure"}, title))));
}

function bars(result, entries, most, read) {
    const body = element("tbody", {}, ...in_order(entries).map(entry => row(result, entry, most, read)));
    body.append(element("tr", {class: "axis"}, element("td", {}),
        element("td", {class: "bar"}, axis(most, value => `${value}`)), element("td", {colspan: 3})));
    return element("table", {class: "bars"}, head(), body);
}

// The signs of the legend, each in a box of 16 by 14.
const signs = {
    bar: kind => [shape("rect", {class: kind, x: 0, y: 1, width: 16, height: 12, rx: 2})],
    whisker: () => [[1, 15, 7, 7], [1, 1, 3, 11], [15, 15, 3, 11]].map(([x1, x2, y1, y2]) =>
        shape("line", {class: "whisker", x1, x2, y1, y2})),
    dot: (kind, r) => [shape("circle", {class: kind, cx: 8, cy: 7, r})],
    mark: kind => [shape("line", {class: kind, x1: 8, x2: 8, y1: 0, y2: 14})],
    cut: () => [shape("path", {class: "of-ours", d: "M0 1H9L16 7L9 13H0z"})],
};

// What of it is drawn.
function bar_legend(result, read, cut) {
    const entries = result.summary.entries;
    const peers = entries.some(entry => entry.role === "peer");
    const disturbed = result.runs.some(run => run.disturbed);
    const ceilings = entries.some(entry => is_number(entry.ceiling_gb_per_s));
    const ceiling_text = "this load's ceiling: the fastest read, or what its CPU work lets the cores do";
    return legend([
        [true, "tzio, median", () => signs.bar("of-ours")],
        [peers, "another loader, median", () => signs.bar("of-peer")],
        [true, "least to most", signs.whisker],
        [result.runs.length > 0, "one sample", () => signs.dot("sample", 2.5)],
        [disturbed, "disturbed by others", () => signs.dot("sample disturbed", 4)],
        [ceilings, ceiling_text, () => signs.mark("own-ceiling")],
        [read, "the fastest read", () => signs.mark("fastest")],
        [cut, "longer than the scale", signs.cut],
    ].filter(([there]) => there).map(([, text, draw]) => ({text, draw})));
}

function file_text(result, file) {
    const known = (result.summary.files || []).find(each => each.file === file);
    if (!known)
        return base_name(file);
    return `${base_name(file)}, ${size_text(known.tensor_bytes)} in ${known.tensors} tensors` +
        (known.encrypted ? ", encrypted" : "");
}

// What the machine did alone, in the same manner.
function ceilings(result) {
    const parts = [];
    const found = result.summary.entries.filter(entry => entry.role === "source" || entry.role === "stage");
    const titles = new Set(found.map(entry => `${entry.file}\n${entry.cache}`));
    for (const title of titles) {
        const [file, cache] = title.split("\n");
        const entries = found.filter(entry => entry.file === file && entry.cache === cache);
        const most = most_of(entries, null);
        const text = file ? `Reads of ${base_name(file)}, ${cache_text(cache)}` : "One core, in memory";
        parts.push(element("h3", {}, text), bars(result, entries, most, null));
    }
    return parts.length ? [element("details", {id: "ceilings"},
        element("summary", {}, "Ways of reading, and stages on one core, each timed alone"), ...parts)] : [];
}

function draw_loads(result) {
    const groups = load_groups(result);
    if (!groups.length)
        return;
    const parts = [];
    const reads = groups.map(group => fastest_read(result, group));
    let cut = false;
    groups.forEach((group, at) => {
        const read = reads[at];
        const most = most_of(group.entries, read);
        cut ||= group.entries.some(entry => entry.gb_per_s.median > most);
        parts.push(element("h3", {}, `${file_text(result, group.file)}, ${cache_text(group.cache)}`),
            bars(result, group.entries, most, read));
        if (read)
            parts.push(element("p", {class: "quiet"}, `fastest read: ${read.name}, ${rate_text(read.gb_per_s)} GB/s`));
    });
    section("loads", ...parts, bar_legend(result, reads.find(Boolean), cut), ...ceilings(result));
}
