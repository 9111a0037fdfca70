"use strict";
// What all sections draw with. Data becomes text nodes and attributes, never markup.

const svg_space = "http://www.w3.org/2000/svg";

function filled(node, attributes, children) {
    for (const [name, value] of Object.entries(attributes))
        node.setAttribute(name, value);
    node.append(...children);
    return node;
}

function element(tag, attributes = {}, ...children) {
    return filled(document.createElement(tag), attributes, children);
}

function shape(tag, attributes = {}, ...children) {
    return filled(document.createElementNS(svg_space, tag), attributes, children);
}

function percent(share) {
    return `${(100 * share).toFixed(3)}%`;
}

function is_number(value) {
    return typeof value === "number" && Number.isFinite(value);
}

function rate_text(gb_per_s) {
    return gb_per_s.toFixed(gb_per_s < 100 ? 2 : 1);
}

// Powers of 1024, named so.
function size_text(bytes) {
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let unit = 0;
    for (; bytes >= 1024 && unit + 1 < units.length; ++unit)
        bytes /= 1024;
    return `${Number(bytes.toFixed(bytes < 10 && unit > 0 ? 1 : 0))} ${units[unit]}`;
}

function time_text(seconds) {
    if (seconds === 0)
        return "0";
    const [factor, unit] = seconds < 1e-3 ? [1e6, "µs"] : seconds < 1 ? [1e3, "ms"] : [1, "s"];
    return `${Number((seconds * factor).toPrecision(3))} ${unit}`;
}

function base_name(path) {
    return path.slice(path.lastIndexOf("/") + 1);
}

// Round values from 0 to at most `most`, about `wished` of them.
function steps(most, wished = 5) {
    const rough = most / wished;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map(factor => factor * power).find(each => each >= rough);
    const values = [];
    for (let i = 0; i * step <= most * 1.0001; ++i)
        values.push(Number((i * step).toPrecision(6)));
    return values;
}

// An axis along the bottom of what fills the same width. `text` gives a value's label.
function axis(most, text, wished) {
    const drawn = shape("svg", {class: "axis", "aria-hidden": "true"});
    for (const value of steps(most, wished)) {
        const share = value / most;
        const anchor = share === 0 ? "start" : share > 0.96 ? "end" : "middle";
        drawn.append(shape("text", {x: percent(share), y: 15, "text-anchor": anchor}, text(value)));
    }
    return drawn;
}

// Items of {text, draw}: `draw` makes the shapes of a sign of 16 by 14.
function legend(items) {
    return element("ul", {class: "legend"}, ...items.map(item =>
        element("li", {}, shape("svg", {"aria-hidden": "true"}, ...item.draw()), item.text)));
}

// Shows a section.
function section(id, ...children) {
    const found = document.getElementById(id);
    found.append(...children);
    found.hidden = false;
}
