// Small things the operator page is made of. Nothing here puts text into a page as markup.

/** An element: `h("a", { href: "/", class: "x", onclick: f }, "text", child, …)`. False and null children are left out. */
export function h(name, given = {}, ...children) {
    const isSVG = ["svg", "path", "polyline", "polygon"].includes(name);
    const element = isSVG ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
    for (const [key, value] of Object.entries(given)) {
        if (value === null || value === undefined || value === false) continue;
        if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
        else if (key === "value" || key === "checked") element[key] = value;
        else element.setAttribute(key, value === true ? "" : value);
    }
    element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
    return element;
}

/** The path below which a broadcast's media is: the application in its publishing URL. */
export function appOf(broadcast) {
    return new URL(broadcast.rtmpURL.replace("rtmp:", "http:")).pathname.split("/")[1] || "live";
}

export function bits(perSecond) {
    if (!(perSecond > 0)) return "0";
    return perSecond >= 1e6 ? `${(perSecond / 1e6).toFixed(2)} Mb/s` : `${Math.round(perSecond / 1e3)} kb/s`;
}

export function bytes(count) {
    for (const [unit, size] of [["GB", 1e9], ["MB", 1e6], ["kB", 1e3]]) if (count >= size) return `${(count / size).toFixed(1)} ${unit}`;
    return `${count} B`;
}

export function span(milliseconds) {
    const seconds = Math.max(0, Math.floor(milliseconds / 1000));
    const two = (value) => String(value).padStart(2, "0");
    const hours = Math.floor(seconds / 3600);
    return `${hours ? `${hours}:` : ""}${hours ? two(Math.floor(seconds / 60) % 60) : Math.floor(seconds / 60)}:${two(seconds % 60)}`;
}

export const statusWords = {
    created: "offline", broadcasting: "live", finished: "offline", preparing: "connecting", error: "error", failed: "failed",
    terminated_unexpectedly: "lost",
};

export function badge(status) {
    return h("span", { class: "badge", "data-status": status ?? "created" }, statusWords[status] ?? status ?? "offline");
}

/** Says something for a few seconds, also to who does not see it. */
export function toast(text, isError = false) {
    const element = h("p", { class: isError ? "toast error" : "toast", role: isError ? "alert" : "status" }, text);
    document.getElementById("toasts").append(element);
    setTimeout(() => element.remove(), isError ? 8000 : 3000);
}

/** Runs an action of the user's; what goes wrong is said. Whether it worked. */
export async function attempt(action, done) {
    try {
        await action();
        if (done) toast(done);
        return true;
    } catch (error) {
        toast(error.message, true);
        return false;
    }
}

export async function copy(text) {
    try {
        await navigator.clipboard.writeText(text);
    } catch {
        // Pages over plain HTTP have no clipboard of their own.
        const field = h("textarea", { value: text, class: "offscreen", readonly: true });
        document.body.append(field);
        field.select();
        const worked = document.execCommand("copy");
        field.remove();
        if (!worked) return toast("Copying is not allowed here: mark the text and copy it.", true);
    }
    toast("Copied");
}

/** A line of text with a button that copies it. */
export function copyable(label, text, link = null) {
    return h("div", { class: "copyable" },
        h("span", { class: "label" }, label),
        link ? h("a", { href: link, target: "_blank", rel: "noopener" }, h("code", {}, text)) : h("code", { tabindex: 0 }, text),
        h("button", { type: "button", class: "quiet", "aria-label": `Copy ${label}`, onclick: () => copy(text) }, "Copy"));
}

/** The last few minutes of one number. */
export class Chart {
    #values = [];

    constructor(label, format) {
        this.format = format;
        this.line = h("polyline", { class: "line" });
        this.area = h("polygon", { class: "area" });
        this.now = h("b", {}, "–");
        this.top = h("small", {}, "");
        this.element = h("figure", { class: "chart" },
            h("figcaption", {}, label, " ", this.now, this.top),
            h("svg", { viewBox: "0 0 60 36", preserveAspectRatio: "none", role: "img", "aria-label": label }, this.area, this.line));
    }

    add(value) {
        this.#values.push(Number(value) || 0);
        if (this.#values.length > 60) this.#values.shift();
        const highest = Math.max(1, ...this.#values);
        const points = this.#values.map((one, index) =>
            `${60 - this.#values.length + index + 1},${(34.5 - one / highest * 32).toFixed(1)}`);
        const first = 60 - this.#values.length + 1;
        this.line.setAttribute("points", points.join(" "));
        this.area.setAttribute("points", `${first},36 ${points.join(" ")} 60,36`);
        this.now.textContent = this.format(value);
        this.top.textContent = `max ${this.format(highest)}`;
    }
}
