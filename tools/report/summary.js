// Sentences, facts, notes and the data itself.

const not_delivering = ["drop", "mapped"]; // nothing ends up in memory of the reader's own

function fastest(entries) {
    return entries.reduce((best, entry) => best && best.gb_per_s.median >= entry.gb_per_s.median ? best : entry, null);
}

function against_peer(ours, peer) {
    if (!peer)
        return "";
    const times = ours.gb_per_s.median / peer.gb_per_s.median;
    return times >= 1 ? `; ${times.toFixed(1)} times ${peer.name}, the fastest other loader`
        : `; ${peer.name} is faster: ${rate_text(peer.gb_per_s.median)} GB/s`;
}

function against_ceiling(ours) {
    return is_number(ours.of_ceiling)
        ? `, ${(100 * ours.of_ceiling).toFixed(0)}\u00a0% of what this machine allows` : "";
}

// What came of one group of loads.
function group_sentence(group) {
    const worked = group.entries.filter(entry => entry.samples > 0);
    const delivers = entry => !not_delivering.some(name => entry.name.endsWith(name));
    const ours = fastest(worked.filter(entry => entry.role === "load" && delivers(entry)));
    if (!ours)
        return null;
    const peer = fastest(worked.filter(entry => entry.role === "peer"));
    return `${base_name(group.file)}, ${cache_text(group.cache)}: tzio (${ours.name}) loads ` +
        `${rate_text(ours.gb_per_s.median)} GB/s${against_ceiling(ours)}${against_peer(ours, peer)}.`;
}

function sweep_sentence(sweep) {
    const best = sweep.cells.find(cell => cell.best);
    return best ? `Fastest with ${best.concurrency} lanes and chunks of ${size_text(best.chunk_bytes)}: ` +
        `${rate_text(best.gb_per_s)} GB/s.` : null;
}

function samples_sentence(result) {
    const runs = result.runs || [];
    const disturbed = runs.filter(run => run.disturbed).length;
    const rounds = result.summary && result.summary.rounds;
    if (!runs.length)
        return null;
    return (rounds ? `Medians of ${rounds} interleaved rounds, ` : "") +
        `${runs.length} samples of loads, reads and stages` +
        (disturbed ? `; ${disturbed} were disturbed by others and are marked.` : ".");
}

function draw_summary(result) {
    const sentences = result.summary ? load_groups(result).map(group_sentence) : [];
    if (result.sweep)
        sentences.push(sweep_sentence(result.sweep));
    const parts = sentences.filter(Boolean).map(text => element("p", {}, text));
    const samples = samples_sentence(result);
    if (samples)
        parts.push(element("p", {class: "quiet"}, samples));
    if (parts.length)
        section("summary", ...parts);
}

const fact_names = {
    cpu: "Processor", cores: "Cores", kernel: "Linux", memory_bytes: "Memory", transparent_huge_pages: "Huge pages",
    free_page_reporting: "Gives free memory back to its host", load_average: "Load average at the start",
    steal_seconds: "Time taken by the hypervisor",
};

function fact_text(name, value) {
    if (typeof value === "boolean")
        return value ? "yes" : "no";
    if (is_number(value)) {
        if (name.endsWith("_bytes"))
            return size_text(value);
        if (name.endsWith("_seconds"))
            return time_text(value);
        return `${Number(value.toFixed(2))}`;
    }
    return typeof value === "string" ? value : JSON.stringify(value);
}

function shell_word(text) {
    return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function draw_machine(result) {
    const list = element("dl");
    const fact = (name, value) => list.append(element("dt", {}, name), element("dd", {}, value));
    for (const [name, value] of Object.entries(result.host || {}))
        fact(fact_names[name] || name.replaceAll("_", " "), fact_text(name, value));
    for (const file of result.summary && result.summary.files || [])
        fact("File", `${file_text(result, file.file)} (${file.filesystem})`);
    fact("tzio", result.version || "unknown");
    if (Array.isArray(result.args))
        fact("Arguments", element("code", {}, result.args.map(shell_word).join(" ")));
    section("machine", list);
}

function draw_notes(result) {
    const notes = result.summary && result.summary.notes || result.notes || [];
    if (notes.length)
        section("notes", element("ul", {class: "notes"}, ...notes.map(note => element("li", {}, note))));
}

function draw_raw(result, text) {
    const link = element("a", {download: "result.json", id: "download"}, "Download as JSON");
    link.href = URL.createObjectURL(new Blob([text], {type: "application/json"}));
    const details = element("details", {}, element("summary", {}, `All of it (${result.schema})`));
    // only on demand: a page of text takes long to lay out
    details.addEventListener("toggle", () => details.append(element("pre", {}, text)), {once: true});
    section("raw", element("p", {}, link), details);
}
