// Live HLS as a sequence of pieces to append: whole segments, or the parts of segments that still grow.

import { mediaPlaylist, variants } from "./m3u8.js";

/** What the server answered is no stream (any more). */
export class NotThere extends Error {
    constructor(status) {
        super(`HTTP ${status}`);
        this.status = status;
    }
}

export async function fetchChecked(url, options) {
    const response = await fetch(url, options);
    if (!response.ok) throw new NotThere(response.status);
    return response;
}

/** Waits, unless the signal ends the wait. */
export function pause(milliseconds, signal) {
    return new Promise((resolve, reject) => {
        const timer = setTimeout(resolve, milliseconds);
        signal?.addEventListener("abort", () => { clearTimeout(timer); reject(signal.reason); }, { once: true });
    });
}

export class HLSSource {
    #url;
    #signal;
    #loadedAt = 0;
    #hinted = new Map();

    /** `url` is a multivariant or a media playlist. */
    constructor(url, signal) {
        this.#url = url;
        this.#signal = signal;
        this.isLowLatency = false;
        /** Seconds behind the live edge that the server asks players to keep. */
        this.holdBack = 6;
        /** Seconds of media in a piece. */
        this.pieceDuration = 2;
        this.clockOffset = 0;
    }

    /** Reads the playlist for the first time. Throws `NotThere`. */
    async open() {
        const response = await fetchChecked(this.#url, { signal: this.#signal, cache: "no-store" });
        this.#readClock(response);
        const text = await response.text();
        const found = variants(text, response.url);
        if (!found) {
            this.#loadedAt = performance.now();
            this.playlist = mediaPlaylist(text, response.url);
        } else {
            this.#url = found[0].url;
            this.playlist = await this.#load(new URL(this.#url), null);
        }
        // What is left of a stream that has ended is not played again.
        if (this.playlist.ended && !this.playlist.isRecording) throw new NotThere(410);
        const { control, partTarget, targetDuration } = this.playlist;
        this.isLowLatency = control.blocks && partTarget > 0;
        this.pieceDuration = this.isLowLatency ? partTarget : targetDuration;
        this.holdBack = this.isLowLatency ? control.partHoldBack || 3 * partTarget : control.holdBack || 3 * targetDuration;
        return this;
    }

    /** Each track of its own as an async sequence of pieces. HLS as served here has both in one. */
    tracks() { return [this.#pieces()]; }

    /** The server's clock against ours, as well as a Date header tells it: half a second. */
    #readClock(response) {
        const date = Date.parse(response.headers.get("Date") ?? "");
        if (Number.isFinite(date)) this.clockOffset = Math.abs(date + 500 - Date.now()) > 1500 ? date + 500 - Date.now() : 0;
    }

    async #load(url, previous) {
        const response = await fetchChecked(url, { signal: this.#signal, cache: "no-store" });
        this.#loadedAt = performance.now();
        return mediaPlaylist(await response.text(), response.url, previous);
    }

    async *#pieces() {
        let { number, part, skip } = this.#start(this.playlist);
        let reset = true;
        for (;;) {
            const piece = this.#find(number, part);
            if (piece === "next") {
                [number, part] = [number + 1, 0];
            } else if (piece) {
                [number, part] = piece.next;
                if (!piece.gap) yield { ...piece, reset, skip };
                [reset, skip] = [false, 0];
            } else if (this.playlist.ended) {
                return;
            } else if (number < this.playlist.first || number > this.playlist.next + 1) {
                // We fell out of the window, or the numbers began anew.
                ({ number, part, skip } = this.#start(this.playlist));
                reset = true;
            } else {
                await this.#reload(number, part);
            }
        }
    }

    /** The piece at this place; null when it is not there yet, "next" when the segment has no more. */
    #find(number, part) {
        const segment = this.playlist.segments.get(number);
        if (!segment) return null;
        const common = { map: segment.map, sequence: segment.sequence };
        if (part === 0 && segment.url) {
            const { url, range, duration, date, gap } = segment;
            return { ...common, url, range, duration, date, gap, next: [number + 1, 0] };
        }
        const found = this.isLowLatency ? segment.parts[part] : undefined;
        if (!found) return segment.url ? "next" : null;
        const before = segment.parts.slice(0, part).reduce((sum, one) => sum + one.duration, 0);
        const { url, range, duration, gap } = found;
        const body = this.#hinted.get(url);
        this.#hinted.delete(url);
        return { ...common, url, range, duration, date: segment.date + before * 1000, gap, body, next: [number, part + 1] };
    }

    /**
     * Where to begin: the last place that can be decoded on its own and is far enough from the live edge, or the first of an ended list. Not before
     * the newest change of codecs, which might not be got over.
     */
    #start(playlist) {
        const places = [], newest = [...playlist.segments.values()].at(-1)?.map?.url;
        let time = 0;
        for (const segment of playlist.segments.values()) {
            let at = time;
            const isUsable = playlist.ended || segment.map?.url === newest;
            if (isUsable && (segment.url || segment.parts[0]?.independent)) places.push({ number: segment.number, part: 0, time });
            if (this.isLowLatency) {
                segment.parts.forEach((part, index) => {
                    if (isUsable && index > 0 && part.independent) places.push({ number: segment.number, part: index, time: at });
                    at += part.duration;
                });
            }
            time += segment.url ? segment.duration : at - time;
        }
        if (!places.length) return { number: playlist.next, part: 0, skip: 0 };
        const wanted = playlist.ended ? 0 : time - this.holdBack;
        const place = places.findLast((one) => one.time <= wanted) ?? places[0];
        return { number: place.number, part: place.part, skip: Math.max(0, wanted - place.time) };
    }

    async #reload(number, part) {
        const previous = this.playlist, url = new URL(this.#url);
        if (previous.control.blocks) {
            url.searchParams.set("_HLS_msn", number);
            if (this.isLowLatency) url.searchParams.set("_HLS_part", part);
            // A delta update holds what lies within the last `skipUntil` seconds; older than half of that it may not be asked for.
            const age = (performance.now() - this.#loadedAt) / 1000;
            if (previous.control.skipUntil > 0 && age < previous.control.skipUntil / 2) url.searchParams.set("_HLS_skip", "YES");
            this.#prefetch(previous.hint);
        } else {
            // RFC 8216 §6.3.4: not sooner than half a target duration after the last time.
            const earliest = this.#loadedAt + previous.targetDuration * 500;
            await pause(Math.max(0, earliest - performance.now()), this.#signal);
        }
        let playlist = null;
        try {
            playlist = await this.#load(url, previous);
        } catch (error) {
            // What we wait for did not come in time, or is not what the server has next: the plain list tells where we are.
            if (![400, 503].includes(error.status)) throw error;
            await pause(500, this.#signal);
        }
        if (!playlist || playlist.isIncomplete) playlist = await this.#load(new URL(this.#url), null);
        this.playlist = playlist;
        // An answer that brings nothing new is asked again after a moment, whatever the server promised.
        if (playlist.next === previous.next && !this.#find(number, part) && previous.control.blocks) await pause(100, this.#signal);
    }

    /** Asks for the part that comes next before the playlist names it; the server answers when it is there. */
    #prefetch(url) {
        if (!url || this.#hinted.has(url)) return;
        // What was hinted and never came is not kept.
        if (this.#hinted.size > 2) this.#hinted.clear();
        const body = fetchChecked(url, { signal: this.#signal }).then((response) => response.arrayBuffer());
        body.catch(() => this.#hinted.delete(url));
        this.#hinted.set(url, body);
    }
}
