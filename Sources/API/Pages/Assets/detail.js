// One broadcast: what it does now, how to publish and watch it, where else it goes, and what was recorded.

import { call, get, segment } from "./api.js";
import { appOf, attempt, badge, bits, bytes, Chart, copyable, h, span } from "./ui.js";

const pulled = ["streamSource", "ipCamera", "VoD", "playlist"];

export class Detail {
    #drawn = {};

    constructor(id, { onBack, onChange }) {
        this.id = id;
        this.onChange = onChange;
        this.path = `/broadcasts/${segment(id)}`;
        this.bitrate = new Chart("Bitrate", bits);
        this.viewers = new Chart("Viewers", (count) => String(Math.round(count)));
        this.title = h("h2", { tabindex: -1 });
        this.status = h("span");
        this.facts = h("p", { class: "facts" });
        this.actions = h("div", { class: "actions" });
        this.problem = h("p", { class: "problem", role: "alert", hidden: true });
        this.preview = h("div", { class: "preview" });
        this.publish = h("section");
        this.watch = h("section");
        this.items = h("section", { hidden: true });
        this.endpoints = h("ul", { class: "rows", "aria-label": "Endpoints" });
        this.recordings = h("ul", { class: "rows", "aria-label": "Recordings" });
        this.element = h("article", { class: "detail" },
            h("header", {},
                h("button", { type: "button", class: "quiet back", onclick: onBack }, "‹ All"), this.title, this.status),
            this.facts, this.problem, this.actions,
            h("div", { class: "columns" },
                h("div", {}, this.preview, h("div", { class: "charts" }, this.bitrate.element, this.viewers.element)),
                h("div", {}, this.publish, this.items, this.#endpointSection(), this.watch,
                    h("section", {}, h("h3", {}, "Recordings"), this.recordings))));
    }

    /** Shows what is new; parts that did not change stay as they are, with focus and selection. */
    show(broadcast) {
        this.broadcast = broadcast;
        const isLive = broadcast.status === "broadcasting";
        this.title.textContent = broadcast.name || broadcast.streamId;
        this.#once("status", broadcast.status, () => this.status.replaceChildren(badge(broadcast.status)));
        const facts = [broadcast.streamId, { liveStream: "live stream", streamSource: "stream source", ipCamera: "IP camera" }[broadcast.type]
            ?? broadcast.type];
        if (isLive) {
            facts.push(broadcast.publishType, broadcast.width ? `${broadcast.width}×${broadcast.height}` : "no picture",
                span(broadcast.duration), `speed ${Number(broadcast.speed).toFixed(2)}`, `from ${broadcast.remoteIp || "?"}`);
        }
        this.facts.textContent = facts.filter(Boolean).join(" · ");
        this.#once("actions", [broadcast.status, broadcast.type, broadcast.mp4Enabled], () => this.#showActions(broadcast));
        this.#once("preview", isLive, () => this.#showPreview(isLive));
        this.#once("urls", [broadcast.rtmpURL, broadcast.srtURL, broadcast.type, broadcast.streamUrl], () => this.#showURLs(broadcast));
        this.#once("endpoints", broadcast.endPointList, () => this.#showEndpoints(broadcast.endPointList ?? []));
        this.#once("items", [broadcast.type, broadcast.playListItemList, broadcast.currentPlayIndex, isLive], () => this.#showItems(broadcast));
    }

    /** Live numbers, every other second or so. */
    tick(broadcast) {
        this.bitrate.add(broadcast.status === "broadcasting" ? broadcast.bitrate : 0);
        this.viewers.add(broadcast.hlsViewerCount + broadcast.dashViewerCount + broadcast.webRTCViewerCount + broadcast.rtmpViewerCount);
    }

    #once(name, value, draw) {
        const text = JSON.stringify(value ?? null);
        if (this.#drawn[name] === text) return;
        this.#drawn[name] = text;
        draw();
    }

    #button(label, action, done, kind = "") {
        const button = h("button", {
            type: "button", class: kind, onclick: async () => {
                button.disabled = true;
                await attempt(action, done);
                button.disabled = false;
                this.onChange();
            },
        }, label);
        return button;
    }

    #showActions({ status, type, mp4Enabled }) {
        const isRunning = status === "broadcasting" || status === "preparing";
        const isRecording = mp4Enabled === 1;
        const record = this.#button(isRecording ? "Stop recording" : "Record",
            () => call("PUT", `${this.path}/recording/${!isRecording}?recordType=mp4`),
            isRecording ? "Recording is off" : isRunning ? "Recording" : "Will be recorded", isRecording ? "recording" : "");
        record.setAttribute("aria-pressed", String(isRecording));
        this.actions.replaceChildren(...[
            pulled.includes(type) && !isRunning && this.#button("Start", () => call("POST", `${this.path}/start`), "Starting", "primary"),
            (isRunning || pulled.includes(type)) && this.#button("Stop", () => call("POST", `${this.path}/stop`), "Stopped"),
            record,
            this.#button("Delete", async () => {
                if (confirm(`Delete ${this.id}? Its recordings stay.`)) await call("DELETE", this.path);
            }, null, "danger"),
        ].filter(Boolean));
    }

    #showPreview(isLive) {
        this.preview.replaceChildren(isLive
            ? h("iframe", { src: `${this.app}/play.html?id=${segment(this.id)}&muted=true`, title: "Preview", allow: "autoplay; fullscreen" })
            : h("p", {}, "Nothing is being broadcast."));
    }

    get app() { return appOf(this.broadcast); }

    #showURLs({ rtmpURL, srtURL, type, streamUrl, ipAddr }) {
        const slash = rtmpURL.lastIndexOf("/"), here = new URL(`${this.app}/`, location.href).href;
        const player = `${here}play.html?id=${segment(this.id)}`, streams = `${here}streams/`;
        this.publish.replaceChildren(...(pulled.includes(type) ? [
            h("h3", {}, "Source"),
            type === "playlist" ? h("p", { class: "hint" }, "Plays its list of items.") : copyable("Pulled from", streamUrl || ipAddr || "–"),
        ] : [
            h("h3", {}, "Publish"),
            copyable("Server", rtmpURL.slice(0, slash)), copyable("Stream key", rtmpURL.slice(slash + 1)), copyable("Whole URL", rtmpURL),
            ...(srtURL ? [copyable("SRT", srtURL)] : []),
        ]));
        this.watch.replaceChildren(h("h3", {}, "Watch"),
            copyable("Player", player, player), copyable("HLS", `${streams}${segment(this.id)}.m3u8`),
            copyable("Low-latency HLS", `${streams}ll-hls/${segment(this.id)}/${segment(this.id)}__master.m3u8`),
            copyable("DASH", `${streams}${segment(this.id)}/${segment(this.id)}.mpd`),
            ...(srtURL ? [copyable("SRT", `${srtURL.replace(/=.*/, "=read:")}${segment(this.id)}`)] : []),
            copyable("Embed", `<iframe src="${player}" allow="autoplay; fullscreen" width="640" height="360"></iframe>`));
    }

    #endpointSection() {
        const field = h("input", { name: "endpointUrl", required: true, placeholder: "rtmp://live.example.com/app/key or srt://…", autocomplete: "off",
            "aria-label": "URL of the new endpoint", spellcheck: "false" });
        return h("section", {}, h("h3", {}, "Endpoints"), this.endpoints,
            h("form", {
                class: "inline", onsubmit: async (event) => {
                    event.preventDefault();
                    const added = await attempt(() => call("POST", `${this.path}/endpoint`, { endpointUrl: field.value.trim() }), "Endpoint added");
                    if (added) field.value = "";
                    this.onChange();
                },
            }, field, h("button", {}, "Add")));
    }

    #showEndpoints(list) {
        this.endpoints.replaceChildren(...list.map((one) => h("li", {},
            badge(one.enabled ? one.status : "disabled"),
            h("div", {},
                h("code", {}, one.endpointUrl),
                one.lastError && h("small", { class: "bad" }, `${one.lastError}${one.attempts ? ` (try ${one.attempts})` : ""}`),
                (one.warnings ?? []).map((warning) => h("small", { class: "bad" }, warning.message)),
                one.bytesSent > 0 && h("small", {}, `${bytes(one.bytesSent)} sent${one.bitrate ? `, ${Math.round(one.bitrate / 1000)} kb/s` : ""}`)),
            this.#button(one.enabled ? "Disable" : "Enable",
                () => call("PUT", `${this.path}/endpoint?endpointServiceId=${segment(one.endpointServiceId)}`, { enabled: !one.enabled }),
                one.enabled ? "Endpoint disabled" : "Endpoint enabled", "quiet"),
            this.#button("Remove", () => call("DELETE", `${this.path}/endpoint?endpointServiceId=${segment(one.endpointServiceId)}`),
                "Endpoint removed", "quiet"))));
        if (!list.length) this.endpoints.replaceChildren(h("li", { class: "empty" }, "Sent on to nowhere else."));
    }

    #showItems({ type, playListItemList, currentPlayIndex, status }) {
        this.items.hidden = type !== "playlist";
        if (this.items.hidden) return;
        this.items.replaceChildren(h("h3", {}, "Items"), h("ol", { class: "rows" }, (playListItemList ?? []).map((item, index) =>
            h("li", { "aria-current": index === currentPlayIndex && status === "broadcasting" ? "true" : null },
                h("div", {}, h("code", {}, item.name || item.streamUrl), item.durationInMs > 0 && h("small", {}, span(item.durationInMs))),
                this.#button("Play", () => call("POST", `/broadcasts/playlists/${segment(this.id)}/next?index=${index}`), "Changing over", "quiet")))));
    }

    /** What the list does not say: recordings, and why a source does not come. */
    async refresh() {
        const listed = await get(`/vods/list/0/20?streamId=${segment(this.id)}&sort_by=date&order_by=desc`) ?? [];
        // What is still being made has no file.
        const vods = listed.filter((vod) => vod.filePath);
        this.#once("vods", vods.map((vod) => vod.vodId), () => this.recordings.replaceChildren(...(vods.length
            ? vods.map((vod) => h("li", {}, h("div", {},
                h("a", { href: `${this.app}/${vod.filePath.split("/").map(segment).join("/")}`, target: "_blank", rel: "noopener" }, vod.vodName),
                h("small", {}, `${new Date(vod.creationDate).toLocaleString()} · ${span(vod.duration)} · ${bytes(vod.fileSize)}`))))
            : [h("li", { class: "empty" }, "None yet.")])));
        let problem = "";
        if (pulled.includes(this.broadcast?.type) && this.broadcast.status !== "broadcasting") {
            try { await get(`${this.path}/ip-camera-error`); } catch (error) { problem = error.message; }
        }
        this.problem.textContent = problem;
        this.problem.hidden = !problem;
    }
}
