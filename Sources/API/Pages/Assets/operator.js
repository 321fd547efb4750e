// The operator page: the list of broadcasts, one of them in detail, and what is new from the server.

import { broadcasts, call, follow, forgetToken, get, hasToken, prompts, segment } from "./api.js";
import { Detail } from "./detail.js";
import { Library } from "./library.js";
import { appOf, attempt, badge, bits, h, toast } from "./ui.js";

const part = (name) => document.getElementById(name);
let all = new Map(), detail = null, library = null, selected = null, filter = "";
// No broadcast has a colon in its id.
const libraryRoute = ":library";

// MARK: List

function viewersOf(one) { return one.hlsViewerCount + one.dashViewerCount + one.webRTCViewerCount + one.rtmpViewerCount; }

function row(one) {
    const isLive = one.status === "broadcasting";
    return h("a", { href: `#/${segment(one.streamId)}`, "aria-current": one.streamId === selected ? "true" : null },
        badge(one.status), h("span", { class: "name" }, one.name || one.streamId),
        h("small", {}, isLive ? `${bits(one.bitrate)} · ${viewersOf(one)} watching` : one.type), isLive && one.width > 0 && picture(one));
}

/** What a live broadcast looks like, anew every ten seconds, and only of those that are in sight. */
function picture(one) {
    const moment = Math.floor(Date.now() / 10_000);
    const element = h("img", { alt: "", width: 64, height: 36, loading: "lazy", onerror: () => { element.hidden = true; } });
    element.src = `${appOf(one)}/previews/${segment(one.streamId)}.jpg?t=${moment}`;
    return element;
}

const rows = new Map();
function showList() {
    const order = (one) => (one.status === "broadcasting" ? 0 : one.status === "preparing" ? 1 : 2);
    const shown = [...all.values()]
        .filter((one) => !filter || `${one.name ?? ""} ${one.streamId}`.toLowerCase().includes(filter))
        .sort((a, b) => order(a) - order(b) || b.date - a.date);
    const elements = shown.map((one) => {
        // A row that says the same stays the same element, and keeps the focus.
        const said = JSON.stringify([one.status, one.name, one.bitrate, viewersOf(one), one.type, one.streamId === selected]);
        const known = rows.get(one.streamId);
        if (known?.said === said) return known.element;
        const element = known?.element ?? h("li");
        const hadFocus = element.contains(document.activeElement);
        element.replaceChildren(row(one));
        if (hadFocus) element.firstChild.focus();
        rows.set(one.streamId, { said, element });
        return element;
    });
    for (const id of rows.keys()) if (!all.has(id)) rows.delete(id);
    const list = part("list");
    if (elements.length !== list.children.length || elements.some((element, index) => list.children[index] !== element)) {
        list.replaceChildren(...elements);
    }
    part("empty").hidden = shown.length > 0;
    part("empty").textContent = all.size ? "Nothing is called that." : "There are no broadcasts yet. Publish to rtmp://…/live/anything, or create one.";
    const live = [...all.values()].filter((one) => one.status === "broadcasting");
    part("totals").textContent = `${live.length} live · ${live.reduce((sum, one) => sum + viewersOf(one), 0)} watching · ${
        bits(live.reduce((sum, one) => sum + one.bitrate, 0))} in`;
}

async function reload() {
    const before = all, list = await broadcasts();
    all = new Map(list.map((one) => [one.streamId, one]));
    if (selected && before.has(selected) && !all.has(selected)) {
        // Newer than the list, or gone: it tells itself.
        all.set(selected, before.get(selected));
        await reloadOne(selected);
    }
    showAll();
}

async function reloadOne(id) {
    const one = await get(`/broadcasts/${segment(id)}`);
    if (one) all.set(id, one);
    else all.delete(id);
    showAll();
    if (detail?.id === id) await detail.refresh();
}

function showAll() {
    showList();
    const one = all.get(selected);
    if (detail && one) detail.show(one);
    else if (detail && !one) location.hash = "#/";
}

// MARK: Which broadcast is open

function route() {
    const id = decodeURIComponent(location.hash.replace(/^#\/?/, ""));
    if (id === (selected ?? "")) return;
    selected = id || null;
    document.body.dataset.view = selected ? "detail" : "list";
    detail = null;
    library?.close();
    library = null;
    part("detail").replaceChildren();
    if (selected === libraryRoute) openLibrary();
    else if (selected) open(selected);
    else part("detail").append(h("p", { class: "none" }, "Choose a broadcast, or create one."));
    showList();
}

function openLibrary() {
    const known = [...all.values()].find((one) => one.rtmpURL)?.rtmpURL;
    const app = known ? new URL(known.replace("rtmp:", "http:")).pathname.split("/")[1] : "";
    library = new Library({ app: app || "live", onBack: () => { location.hash = "#/"; } });
    part("detail").replaceChildren(library.element);
    library.title.focus();
}

async function open(id) {
    if (!all.has(id)) await attempt(() => reloadOne(id));
    const one = all.get(id);
    if (!one || selected !== id) {
        if (selected === id) location.hash = "#/";
        return;
    }
    detail = new Detail(id, { onBack: () => { location.hash = "#/"; }, onChange: () => attempt(() => reloadOne(id)) });
    detail.show(one);
    part("detail").replaceChildren(detail.element);
    detail.title.focus();
    await attempt(() => detail.refresh());
}

// MARK: News

function onEvent(name, data) {
    if (name === "change") {
        attempt(() => (data.streamId ? reloadOne(data.streamId) : reload()));
    } else if (name === "live") {
        const running = new Map(data.broadcasts.map((one) => [one.streamId, one]));
        for (const [id, now] of running) {
            if (all.has(id)) Object.assign(all.get(id), now);
            else attempt(() => reloadOne(id));
        }
        // What was live and is no longer told of has ended.
        for (const [id, one] of all) if (one.status === "broadcasting" && !running.has(id)) attempt(() => reloadOne(id));
        showAll();
        tick();
        // What only the broadcast itself tells: its endpoints, and why its source does not come.
        if (detail && ++ticks % 2 === 0) attempt(() => reloadOne(detail.id));
    }
}
let ticks = 0;

function tick() {
    const one = all.get(selected);
    if (detail && one) detail.tick(one);
}

function onState(state) {
    part("connection").dataset.state = state;
    part("connection").textContent = state === "live" ? "connected" : state === "polling" ? "polling" : "…";
}

async function poll() {
    await reload();
    // Where events come, they bring the numbers.
    if (part("connection").dataset.state !== "live") tick();
    if (detail) await detail.refresh();
}

// MARK: Dialogs

prompts.token = (wasWrong) => new Promise((resolve) => {
    const dialog = part("token-dialog"), form = dialog.querySelector("form");
    part("token-problem").hidden = !wasWrong;
    if (wasWrong) forgetToken();
    form.onsubmit = () => { dialog.returnValue = "ok"; };
    dialog.onclose = () => {
        const typed = form.elements.token.value.trim();
        form.reset();
        resolve(dialog.returnValue === "ok" && typed ? typed : null);
    };
    dialog.returnValue = "";
    dialog.showModal();
});

function showFields() {
    const type = part("create").elements.type.value;
    for (const field of document.querySelectorAll("#create [data-for]")) {
        const isWanted = field.dataset.for.split(" ").includes(type);
        field.hidden = !isWanted;
        for (const input of field.querySelectorAll("[data-required]")) input.required = isWanted;
    }
}

async function create(form) {
    const value = (name) => form.elements[name].value.trim();
    const type = value("type"), body = { type, name: value("name") || null };
    if (value("streamId")) body.streamId = value("streamId");
    if (type === "streamSource") body.streamUrl = value("streamUrl");
    if (type === "ipCamera") Object.assign(body, { ipAddr: value("ipAddr"), username: value("username"), password: value("password"),
        streamUrl: value("cameraUrl") || null });
    if (type === "playlist") {
        body.playListItemList = value("items").split("\n").map((line) => line.trim()).filter(Boolean).map((url) => ({ streamUrl: url, type: "VoD" }));
    }
    const created = await call("POST", "/broadcasts/create", body);
    if (type !== "liveStream" && form.elements.start.checked) {
        await attempt(() => call("POST", `/broadcasts/${segment(created.streamId)}/start`));
    }
    all.set(created.streamId, created);
    location.hash = `#/${segment(created.streamId)}`;
}

part("new").addEventListener("click", () => { part("create").reset(); showFields(); part("create-dialog").showModal(); });
part("create").addEventListener("change", showFields);
part("create").addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = event.submitter;
    if (button) button.disabled = true;
    if (await attempt(() => create(event.target), "Created")) part("create-dialog").close();
    if (button) button.disabled = false;
});
for (const button of document.querySelectorAll("[data-close]")) button.addEventListener("click", () => button.closest("dialog").close("cancel"));
part("search").addEventListener("input", (event) => { filter = event.target.value.trim().toLowerCase(); showList(); });
window.addEventListener("hashchange", route);
document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || ["INPUT", "TEXTAREA", "SELECT"].includes(event.target.tagName)) return;
    if (document.querySelector("dialog[open]")) return;
    if (event.key === "n") { event.preventDefault(); part("new").click(); }
    if (event.key === "/") { event.preventDefault(); part("search").focus(); }
    if (event.key === "Escape" && selected) location.hash = "#/";
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        const links = [...part("list").querySelectorAll("a")], at = links.indexOf(document.activeElement);
        const next = links[at + (event.key === "ArrowDown" ? 1 : -1)];
        if (at >= 0 && next) { event.preventDefault(); next.focus(); }
    }
});

// MARK: Start

document.body.dataset.view = "list";
async function begin() {
    try {
        const version = await get("/version");
        part("version").textContent = version?.versionName ?? "";
        await reload();
    } catch (error) {
        toast(error.message, true);
    }
    selected = undefined;
    route();
    await follow({ onEvent, onState, onPoll: poll, signal: new AbortController().signal });
}
window.martlet = { get broadcasts() { return all; }, hasToken };
begin();
