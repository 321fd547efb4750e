// The library: files that can be watched on demand, what is being done with them, and new ones.

import { call, get, segment, upload } from "./api.js";
import { attempt, bytes, h, span, toast } from "./ui.js";

const page = 50;
const words = { inqueue: "waiting", processing: "working", failed: "failed" };

export class Library {
    #vods = [];
    #shown = page;
    #drawn = "";
    #timer = 0;
    #closed = false;
    #sending = null;

    /** `app`: the application below which files are. */
    constructor({ app, onBack }) {
        this.app = app;
        this.title = h("h2", { tabindex: -1 }, "Library");
        this.facts = h("p", { class: "facts" });
        this.search = h("input", { type: "search", placeholder: "Search names, ids, descriptions", "aria-label": "Search the library",
            oninput: () => { this.#shown = page; this.refresh(); } });
        this.rows = h("ul", { class: "rows", "aria-label": "Files" });
        this.more = h("button", { type: "button", class: "quiet", hidden: true, onclick: () => { this.#shown += page; this.refresh(); } }, "More");
        this.importing = h("div", { class: "upload", hidden: true });
        this.element = h("article", { class: "detail" },
            h("header", {}, h("button", { type: "button", class: "quiet back", onclick: onBack }, "‹ All"), this.title),
            this.facts,
            h("div", { class: "columns" },
                h("section", {}, h("h3", {}, "Files"), this.search, this.rows, this.more),
                h("div", {}, this.#uploadSection(), this.#directorySection())));
        this.#tick();
    }

    close() {
        this.#closed = true;
        clearTimeout(this.#timer);
        this.#sending?.abort();
    }

    /** Shows what there is now, and again in a while. */
    async #tick() {
        await this.refresh().catch(() => {});
        clearTimeout(this.#timer);
        if (this.#closed) return;
        const isBusy = !this.importing.hidden || this.#vods.some((vod) => vod.processPercent !== undefined);
        this.#timer = setTimeout(() => this.#tick(), isBusy ? 1000 : 5000);
    }

    async refresh() {
        const search = this.search.value.trim();
        const query = `sort_by=date&order_by=desc${search ? `&search=${segment(search)}` : ""}`;
        const vods = await get(`/vods/list/0/${this.#shown + 1}?${query}`) ?? [];
        const count = await get(search ? `/vods/count/${segment(search)}` : "/vods/count");
        const { found, done } = await get("/vods/directory");
        if (this.#closed || search !== this.search.value.trim()) return;
        this.#vods = vods.slice(0, this.#shown);
        // A page has 250 at most.
        this.more.hidden = vods.length <= this.#shown || this.#shown >= 250;
        this.facts.textContent = `${count.number} ${count.number === 1 ? "file" : "files"}${search ? " match" : ""}`;
        this.importing.hidden = !found;
        if (found) this.importing.replaceChildren(h("progress", { max: found, value: done, "aria-label": "Import" }),
            h("span", { class: "hint" }, `${done} of ${found} imported files looked at`));
        const said = JSON.stringify(this.#vods);
        if (said === this.#drawn) return;
        this.#drawn = said;
        // What has the focus keeps it.
        const focused = document.activeElement?.closest?.("[data-vod]")?.dataset.vod;
        this.rows.replaceChildren(...(this.#vods.length ? this.#vods.map((vod) => this.#row(vod))
            : [h("li", { class: "empty" }, search ? "Nothing is called that." : "Nothing yet. Record a broadcast, or upload a file.")]));
        if (focused) this.rows.querySelector(`[data-vod="${CSS.escape(focused)}"] button`)?.focus();
    }

    #row(vod) {
        const kind = { streamVod: "recorded", uploadedVod: "uploaded", userVod: "imported" }[vod.type] ?? vod.type;
        const path = vod.filePath?.split("/").map(segment).join("/");
        const facts = [kind, vod.duration ? span(vod.duration) : null, vod.fileSize ? bytes(vod.fileSize) : null,
            new Date(vod.creationDate).toLocaleString()].filter(Boolean).join(" · ");
        const poster = vod.previewFilePath && h("img", {
            alt: "", width: 64, height: 36, loading: "lazy", src: `${this.app}/${vod.previewFilePath.split("/").map(segment).join("/")}`,
        });
        // One that is still being made, or cannot be, leaves its place free.
        poster?.addEventListener("error", () => poster.classList.add("missing"));
        return h("li", { "data-vod": vod.vodId },
            poster || h("span", { class: "poster" }),
            h("div", {},
                path ? h("a", { href: `${this.app}/${path}`, target: "_blank", rel: "noopener" }, vod.vodName || vod.vodId)
                    : h("span", {}, vod.vodName || vod.vodId),
                h("small", {}, facts),
                vod.processPercent !== undefined
                    && h("progress", { max: 100, value: vod.processPercent, "aria-label": `${vod.vodName}: ${vod.processPercent} %` })),
            words[vod.processStatus] && h("span", { class: "badge", "data-status": vod.processStatus },
                vod.processPercent === undefined ? words[vod.processStatus] : `${words[vod.processStatus]} ${vod.processPercent} %`),
            h("button", {
                type: "button", class: "quiet", "aria-label": `Delete ${vod.vodName}`, onclick: async () => {
                    const stays = vod.type === "userVod" ? " Its file stays on the server." : "";
                    if (!confirm(`Delete ${vod.vodName || vod.vodId}?${stays}`)) return;
                    await attempt(() => call("DELETE", `/vods/${segment(vod.vodId)}`), "Deleted");
                    await attempt(() => this.refresh());
                },
            }, "Delete"));
    }

    // MARK: New ones

    #uploadSection() {
        const file = h("input", { type: "file", name: "file", required: true, accept: ".mp4,.webm,.mov,.avi,.mp3,.wmv", "aria-label": "File" });
        const bar = h("progress", { max: 100, value: 0, "aria-label": "Upload", hidden: true });
        const said = h("p", { class: "hint", role: "status" });
        const send = h("button", { class: "primary" }, "Upload");
        const stop = h("button", { type: "button", hidden: true, onclick: () => this.#sending?.abort() }, "Cancel");
        const setSending = (sending) => {
            this.#sending = sending;
            [send.hidden, file.disabled, stop.hidden, bar.hidden] = [!!sending, !!sending, !sending, !sending];
        };
        return h("section", {}, h("h3", {}, "Upload"),
            h("form", {
                class: "upload", onsubmit: async (event) => {
                    event.preventDefault();
                    const chosen = file.files[0], form = new FormData(), control = new AbortController();
                    form.append("file", chosen, "file");
                    setSending(control);
                    bar.value = 0;
                    try {
                        await upload(`/vods/create?name=${segment(chosen.name)}`, form, control.signal, (sent) => {
                            bar.value = sent * 100;
                            said.textContent = sent < 1 ? `${Math.floor(sent * 100)} % of ${bytes(chosen.size)} sent` : "Sent; it is being looked at.";
                        });
                        file.value = "";
                        said.textContent = "";
                        toast("Uploaded");
                    } catch (error) {
                        said.textContent = error.message;
                        if (!control.signal.aborted) toast(error.message, true);
                    }
                    setSending(null);
                    await attempt(() => this.refresh());
                },
            }, file, h("div", { class: "actions" }, send, stop), bar, said),
            h("p", { class: "hint" }, "mp4, webm, mov, avi, mp3 or wmv."));
    }

    #directorySection() {
        const field = h("input", { name: "directory", required: true, placeholder: "/srv/films", autocomplete: "off", spellcheck: "false",
            "aria-label": "Directory of the server" });
        const act = async (method) => {
            const done = await attempt(async () => {
                const answer = await call(method, `/vods/directory?directory=${segment(field.value.trim())}`);
                toast(answer.message);
            });
            if (done) field.value = "";
            await this.#tick();
        };
        return h("section", {}, h("h3", {}, "Directories of the server"),
            h("form", { class: "inline", onsubmit: (event) => { event.preventDefault(); act("POST"); } },
                field, h("button", {}, "Import"),
                h("button", { type: "button", onclick: () => { if (field.reportValidity()) act("DELETE"); } }, "Remove")),
            this.importing,
            h("p", { class: "hint" }, "Films stay where they are, also when they are removed from the library."));
    }
}
