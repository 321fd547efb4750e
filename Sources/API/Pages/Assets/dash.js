// Live DASH (ISO/IEC 23009-1) as sequences of pieces to append, one for each adaptation set: segment templates with a timeline or with numbers. Where the
// manifest lists segments that still grow (availabilityTimeComplete), the newest is read as it comes.

import { fetchChecked, NotThere, pause } from "./hls.js";
import { Restart } from "./track.js";

/** `P1DT2H3M4.5S` in seconds. */
function seconds(text, otherwise = 0) {
    const found = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?)?$/.exec(text ?? "");
    return found ? [86400, 3600, 60, 1].reduce((sum, unit, index) => sum + unit * Number(found[index + 1] ?? 0), 0) : otherwise;
}

const children = (element, name) => [...(element?.children ?? [])].filter((child) => child.localName === name);
const child = (element, name) => children(element, name)[0] ?? null;

/** `$Number%05d$` and its relatives. */
function fill(template, values) {
    return template.replace(/\$(\w*)(?:%0(\d+)d)?\$/g, (whole, name, width) =>
        name === "" ? "$" : name in values ? String(values[name]).padStart(Number(width ?? 0), "0") : whole);
}

/** The attributes of SegmentTemplate elements, an inner one's before an outer one's. */
function template(...elements) {
    const found = elements.map((element) => child(element, "SegmentTemplate")).filter(Boolean);
    if (!found.length) return null;
    const attribute = (name) => found.find((one) => one.hasAttribute(name))?.getAttribute(name) ?? null;
    const timeline = found.map((one) => child(one, "SegmentTimeline")).find(Boolean) ?? null;
    return {
        media: attribute("media"), init: attribute("initialization"), timescale: Number(attribute("timescale") ?? 1),
        first: Number(attribute("startNumber") ?? 1), duration: Number(attribute("duration") ?? 0),
        shift: Number(attribute("presentationTimeOffset") ?? 0), early: Number(attribute("availabilityTimeOffset") ?? 0) || 0, timeline,
        grows: attribute("availabilityTimeComplete") === "false",
    };
}

/** A manifest as plain values: `periods`, each with `sets`, each with its representation's `segments(now)`. */
export function manifest(text, base) {
    const root = new DOMParser().parseFromString(text, "application/xml").documentElement;
    if (root.localName !== "MPD") throw new Error("not a DASH manifest");
    // A live one that has ended keeps its type, but promises no more updates.
    const isLive = root.getAttribute("type") === "dynamic"
        && (root.hasAttribute("minimumUpdatePeriod") || !root.hasAttribute("mediaPresentationDuration"));
    const origin = Date.parse(root.getAttribute("availabilityStartTime") ?? "") || 0;
    const resolve = (url, element) => new URL(child(element, "BaseURL")?.textContent.trim() ?? "", url).href;
    const rootURL = resolve(base, root);
    let start = 0;
    const periods = children(root, "Period").map((period) => {
        start = seconds(period.getAttribute("start"), start);
        const length = seconds(period.getAttribute("duration"), NaN), begin = start;
        if (Number.isFinite(length)) start += length;
        const periodURL = resolve(rootURL, period);
        const kinds = [];
        const sets = children(period, "AdaptationSet").map((set) => {
            const best = children(set, "Representation").sort((a, b) => b.getAttribute("bandwidth") - a.getAttribute("bandwidth"))[0];
            const given = best && template(best, set, period);
            kinds.push(set.getAttribute("contentType") ?? set.getAttribute("mimeType") ?? "");
            return given && adaptation(given, { best, url: resolve(resolve(periodURL, set), best), begin, length, origin, isLive });
        }).filter(Boolean);
        return { start: begin, sets, kinds: kinds.join(), key: period.getAttribute("id") ?? String(begin) };
    });
    const latency = Number(child(child(root, "ServiceDescription"), "Latency")?.getAttribute("target")) / 1000 || 0;
    return {
        isLive, periods, latency, holdBack: seconds(root.getAttribute("suggestedPresentationDelay")),
        refresh: seconds(root.getAttribute("minimumUpdatePeriod"), 2), window: seconds(root.getAttribute("timeShiftBufferDepth"), 60),
        timing: children(root, "UTCTiming").map((one) => ({ scheme: one.getAttribute("schemeIdUri"), value: one.getAttribute("value") })),
        url: rootURL,
    };
}

function adaptation(given, { best, url, begin, length, origin, isLive }) {
    const values = { RepresentationID: best.getAttribute("id"), Bandwidth: best.getAttribute("bandwidth") };
    const offset = begin - given.shift / given.timescale;
    const piece = (number, time, duration) => ({
        number, url: new URL(fill(given.media, { ...values, Number: number, Time: time }), url).href, range: null,
        map: { url: new URL(fill(given.init, values), url).href, range: null },
        start: time / given.timescale + offset, duration: duration / given.timescale, offset,
        streams: isLive && given.grows, early: given.early,
        date: isLive ? origin + (time / given.timescale + offset) * 1000 : NaN,
    });
    /** Those that can be fetched at this wall clock time. */
    function segments(now, window) {
        const list = [];
        if (given.timeline) {
            let time = 0, number = given.first;
            for (const run of children(given.timeline, "S")) {
                if (run.hasAttribute("t")) time = Number(run.getAttribute("t"));
                const duration = Number(run.getAttribute("d"));
                for (let left = Math.min(Number(run.getAttribute("r") ?? 0), 10_000); left >= 0; left--, number++, time += duration) {
                    list.push(piece(number, time, duration));
                }
            }
        } else if (given.duration > 0) {
            const each = given.duration / given.timescale;
            const elapsed = isLive ? (now - origin) / 1000 - begin + Math.min(given.early, each) : length;
            const count = Math.floor((isLive ? elapsed : elapsed + each - 0.001) / each);
            for (let index = isLive ? Math.max(0, count - Math.ceil(window / each)) : 0; index < count; index++) {
                list.push(piece(given.first + index, given.shift + index * given.duration, given.duration));
            }
        }
        return list;
    }
    return { segments };
}

export class DASHSource {
    #url; #signal; #loadedAt = 0; #loading = null;

    constructor(url, signal) {
        this.#url = url;
        this.#signal = signal;
        this.clockOffset = 0;
        this.isLowLatency = false;
        this.holdBack = 6;
        this.pieceDuration = 2;
        /** As of a playlist: whether there is an end. */
        this.playlist = { ended: false };
    }

    async open() {
        await this.#load();
        // As with HLS: what has ended is not played again.
        if (!this.mpd.isLive) throw new NotThere(410);
        await this.#readClock();
        const last = this.#list(0).at(-1);
        this.isLowLatency = Boolean(last?.streams && this.mpd.latency);
        if (last) this.pieceDuration = last.duration - (this.isLowLatency ? last.early : 0);
        this.holdBack = this.isLowLatency ? this.mpd.latency - this.pieceDuration / 2 : this.mpd.holdBack || 3 * this.pieceDuration;
        return this;
    }

    tracks() { return (this.mpd.periods.at(-1)?.sets ?? []).map((_, index) => this.#pieces(index)); }

    async #load() {
        const response = await fetchChecked(this.#url, { signal: this.#signal, cache: "no-store" });
        this.#loadedAt = performance.now();
        const next = manifest(await response.text(), response.url);
        if (this.mpd && next.periods.at(-1)?.kinds !== this.mpd.periods.at(-1)?.kinds) throw new Restart("the tracks have changed");
        this.mpd = next;
        this.playlist.ended = !this.mpd.isLive;
    }

    /** All tracks wait for the same new manifest. */
    #reload() {
        this.#loading ??= (async () => {
            const earliest = this.#loadedAt + Math.max(0.5, Math.min(this.mpd.refresh, this.pieceDuration)) * 1000;
            await pause(Math.max(0, earliest - performance.now()), this.#signal);
            await this.#load();
        })().finally(() => { this.#loading = null; });
        return this.#loading;
    }

    async #readClock() {
        for (const { scheme, value } of this.mpd.timing) {
            const began = Date.now();
            let now = NaN;
            try {
                if (scheme.includes(":direct:")) now = Date.parse(value);
                else if (/:http-(iso|xsdate):/.test(scheme)) {
                    const response = await fetchChecked(new URL(value, this.mpd.url), { signal: this.#signal, cache: "no-store" });
                    now = Date.parse((await response.text()).trim());
                }
            } catch (error) {
                // Without this clock there may be another, and our own at last.
                if (this.#signal.aborted) throw error;
            }
            if (!Number.isFinite(now)) continue;
            this.clockOffset = now - (began + Date.now()) / 2;
            return;
        }
    }

    #list(index) {
        const now = Date.now() + this.clockOffset;
        return this.mpd.periods.flatMap((period) =>
            (period.sets[index]?.segments(now, this.mpd.window) ?? []).map((piece) => ({ ...piece, sequence: period.key })));
    }

    /** Where playing begins: how far behind the edge the source wants, in the newest period, as the codecs of older ones may be others. */
    #start(list) {
        const newest = list.at(-1), usable = list.filter((piece) => piece.sequence === newest.sequence);
        let wanted = 0;
        if (this.isLowLatency && newest.streams) {
            // What is listed says little of how much of it is there; the clock does.
            wanted = newest.start + (Date.now() + this.clockOffset - newest.date) / 1000 - this.holdBack - this.pieceDuration / 2;
        } else if (this.mpd.isLive) {
            wanted = newest.start + newest.duration - this.holdBack;
        }
        const first = usable.findLast((piece) => piece.start <= wanted) ?? usable[0];
        return { ...first, reset: true, skip: Math.max(0, wanted - first.start) };
    }

    async *#pieces(index) {
        let last = null;
        for (;;) {
            const list = this.#list(index);
            if (!last && list.length) {
                last = this.#start(list);
                yield last;
                continue;
            }
            // How long a segment is shows when it is whole, so within a period numbers tell what comes next. A hundredth of a second is less than any
            // frame: how timescales round.
            const before = last;
            const piece = list.find((one) =>
                one.sequence === before.sequence ? one.number > before.number : one.start > before.start + 0.01);
            if (piece) {
                last = piece;
                let isStale = false;
                // The newest one was a promise; what came instead stands in the next manifest.
                const onMissing = () => { if (piece === list.at(-1) && piece.streams) [last, isStale] = [before, true]; };
                yield { ...piece, reset: false, skip: 0, onMissing };
                if (isStale) await this.#reload();
            } else if (!this.mpd.isLive) {
                return;
            } else if (list.length && list.at(-1).start + list.at(-1).duration < before.start - 30) {
                // The clock of the stream began anew.
                last = null;
            } else {
                await this.#reload();
            }
        }
    }
}
