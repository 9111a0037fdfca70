// Measures of how a page looks, for the tests.
const looks = {};

// The colour that a CSS colour comes out as on top of others: [r, g, b].
looks.painted = (colors) => {
    const context = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true});
    for (const color of colors) {
        context.fillStyle = color;
        context.fillRect(0, 0, 1, 1);
    }
    return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
};

looks.luminance = (rgb) => {
    const [r, g, b] = rgb.map(each => each / 255)
        .map(each => each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};

// By WCAG 2.
looks.contrast = (node) => {
    const backgrounds = [];
    for (let each = node; each; each = each.parentElement)
        backgrounds.unshift(getComputedStyle(each).backgroundColor);
    const style = getComputedStyle(node);
    const text = node.namespaceURI.endsWith("svg") ? style.fill : style.color;
    const [high, low] = [looks.painted(backgrounds), looks.painted([...backgrounds, text])]
        .map(looks.luminance).sort((a, b) => b - a);
    return (high + 0.05) / (low + 0.05);
};

// What is shown and has text of its own.
looks.texts = () => [...document.querySelectorAll("body *")].filter(node =>
    node.checkVisibility() && !["SCRIPT", "title"].includes(node.nodeName) &&
    [...node.childNodes].some(child => child.nodeType === Node.TEXT_NODE && child.data.trim()));

looks.pale = (least) => looks.texts().map(node => [node.textContent.trim().slice(0, 60), looks.contrast(node)])
    .filter(([, contrast]) => contrast < least);

// Where the glyphs of a node are.
looks.box = (node) => {
    const range = document.createRange();
    range.selectNodeContents(node);
    return range.getBoundingClientRect();
};

// Pairs of texts whose glyphs lie on each other.
looks.overlaps = () => {
    const boxes = looks.texts().map(node => [node, looks.box(node)]);
    const found = [];
    boxes.forEach(([a, one], at) => boxes.slice(at + 1).forEach(([b, other]) => {
        const wide = Math.min(one.right, other.right) - Math.max(one.left, other.left);
        const high = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
        if (wide > 1 && high > 3 && !a.contains(b) && !b.contains(a))
            found.push([a.textContent.trim(), b.textContent.trim()]);
    }));
    return found;
};

// Texts that reach beyond the window or their section.
looks.outside = () => looks.texts().filter(node => !node.closest(".scroll")).filter(node => {
    const box = looks.box(node);
    const around = (node.closest("section") || document.documentElement).getBoundingClientRect();
    return box.left < around.left || box.right > around.right + 0.5;
}).map(node => node.textContent.trim());
