// One SourceBuffer and what is appended to it: init segments, media on one continuous timeline, and the past removed again.

import { fetchChecked, NotThere, pause } from "./hls.js";
import { fragmentStart, readInit, wholeFragments } from "./mp4.js";

/** Seconds that stay behind the playhead, and that are fetched ahead of it at most. */
const past = 20, ahead = 30;

/** What comes cannot follow what was: sound came or went. The player has to begin anew, at once. */
export class Restart extends Error {}

export class Track {
    #signal; #buffer = null; #mime = ""; #kinds = ""; #init = null; #timescales = new Map(); #sequence = null; #offset = 0; #end = NaN;

    /** `gate` is passed once all tracks of the source have their buffers: none may be added after the first data. */
    constructor(media, video, gate, signal) {
        this.media = media;
        this.gate = gate;
        this.video = video;
        this.#signal = signal;
        /** Where on the video's timeline which wall clock time is: `{ start, date }`, ascending. */
        this.clock = [];
        /** Bytes per second while the newest piece was fetched. */
        this.rate = 0;
    }

    get buffered() { return this.#buffer?.buffered ?? null; }

    /** Appends until the sequence ends. `onStart` is called once, with the place to begin at. */
    async run(pieces, onStart) {
        let misses = 0;
        for await (const piece of pieces) {
            await this.#room();
            try {
                let isFirst = true;
                for await (const media of piece.streams ? this.#stream(piece) : this.#whole(piece)) {
                    if (isFirst) {
                        await this.#prepare(piece);
                        this.#place(piece, media);
                    }
                    await this.#append(media);
                    this.#note(piece, isFirst);
                    isFirst = false;
                    const first = this.#buffer.buffered;
                    if (onStart && first.length) {
                        onStart(first.start(first.length - 1), piece.skip ?? 0);
                        onStart = null;
                    }
                }
                misses = 0;
            } catch (error) {
                // One that has left the window is passed over; when all have, the stream is gone.
                if (!(error instanceof NotThere) || ++misses > 5) throw error;
                piece.onMissing?.();
            }
        }
    }

    async *#whole(piece) { yield await this.#fetch(piece); }

    /** Of a piece that may still be growing: what has come, fragment by fragment. */
    async *#stream(piece) {
        for (let attempt = 0; ; attempt++) {
            try {
                return yield* this.#fragments(piece);
            } catch (error) {
                // From its beginning: what is appended twice takes its own place.
                if (this.#signal.aborted || error instanceof NotThere || error.name === "QuotaExceededError" || attempt === 3) throw error;
                await pause(250 * 2 ** attempt, this.#signal);
            }
        }
    }

    async *#fragments({ url }) {
        const reader = (await fetchChecked(url, { signal: this.#signal })).body.getReader();
        let waiting = [], size = 0, needed = 8;
        try {
            for (;;) {
                const { done, value } = await reader.read();
                if (value) {
                    waiting.push(value);
                    size += value.byteLength;
                }
                if (size < needed && !done) continue;
                const bytes = new Uint8Array(await new Blob(waiting).arrayBuffer());
                const found = wholeFragments(bytes), end = done ? size : found.end;
                if (end > 0) yield bytes.buffer.slice(0, end);
                if (done) return;
                [waiting, size, needed] = [[bytes.subarray(end)], size - end, found.needed - end];
            }
        } finally {
            reader.cancel().catch(() => {});
        }
    }

    async #fetch(piece) {
        if (piece.body) {
            try { return await piece.body; } catch (error) { if (this.#signal.aborted) throw error; }
        }
        for (let attempt = 0; ; attempt++) {
            try {
                const began = performance.now();
                const bytes = await this.#download(piece);
                this.rate = bytes.byteLength / Math.max(1, performance.now() - began) * 1000;
                return bytes;
            } catch (error) {
                // The connection broke: worth another try. What the server refuses is not.
                if (this.#signal.aborted || error instanceof NotThere || attempt === 3) throw error;
                await pause(250 * 2 ** attempt, this.#signal);
            }
        }
    }

    async #download({ url, range }) {
        const headers = range ? { Range: `bytes=${range.start}-${range.end - 1}` } : {};
        return (await fetchChecked(url, { headers, signal: this.#signal })).arrayBuffer();
    }

    /** Makes the buffer ready for what this piece is coded with. */
    async #prepare({ map }) {
        if (!map || map.url === this.#init) return;
        const bytes = await this.#download(map);
        const { mime, kinds, timescales } = readInit(bytes);
        if (!MediaSource.isTypeSupported(mime)) throw new Error(`this browser does not play ${mime}`);
        if (!this.#buffer) {
            this.#buffer = this.media.addSourceBuffer(mime);
            await this.gate();
        } else if (kinds !== this.#kinds) {
            // A buffer goes on waiting for the sound it once had.
            throw new Restart("the tracks have changed");
        } else if (mime !== this.#mime) {
            this.#buffer.changeType(mime);
        }
        const isFirst = this.#init === null;
        [this.#mime, this.#kinds, this.#timescales, this.#init] = [mime, kinds, timescales, map.url];
        // Another init segment is another encoder, whether the list says so or not.
        if (!isFirst) this.#sequence = null;
        await this.#append(bytes);
    }

    /** A new stretch of the timeline goes where the one before ended; a source that knows its place says it. */
    #place(piece, media) {
        if (piece.offset !== undefined) {
            if (piece.offset !== this.#offset) this.#shift(piece.offset);
        } else if (piece.reset || piece.sequence !== this.#sequence) {
            const start = fragmentStart(media, this.#timescales);
            if (Number.isFinite(start)) this.#shift((Number.isFinite(this.#end) ? this.#end : 0) - start);
        }
        this.#sequence = piece.sequence;
    }

    #shift(offset) {
        this.#offset = offset;
        // Pieces of the stretch before may have ended in the middle of a segment.
        if (Number.isFinite(this.#end)) this.#buffer.abort();
        this.#buffer.timestampOffset = offset;
    }

    async #append(bytes) {
        for (let attempt = 0; ; attempt++) {
            try {
                this.#buffer.appendBuffer(bytes);
                break;
            } catch (error) {
                if (error.name !== "QuotaExceededError" || attempt === 3) throw error;
                await this.#forget(2);
                await pause(500, this.#signal);
            }
        }
        await this.#updated();
    }

    #updated() {
        const buffer = this.#buffer;
        if (!buffer.updating) return Promise.resolve();
        return new Promise((resolve, reject) => {
            const done = (action) => () => {
                buffer.removeEventListener("updateend", end);
                buffer.removeEventListener("error", fail);
                this.#signal.removeEventListener("abort", stop);
                action();
            };
            const end = done(resolve), fail = done(() => reject(new Error("the browser could not read the media")));
            const stop = done(() => reject(this.#signal.reason));
            buffer.addEventListener("updateend", end);
            buffer.addEventListener("error", fail);
            this.#signal.addEventListener("abort", stop);
        });
    }

    #note(piece, isFirst) {
        const ranges = this.#buffer.buffered;
        if (!ranges.length) return;
        const end = ranges.end(ranges.length - 1);
        const follows = Number.isFinite(this.#end) && end > this.#end;
        const start = piece.start ?? (follows ? this.#end : Math.max(0, end - piece.duration));
        this.#end = end;
        if (isFirst && Number.isFinite(piece.date)) this.clock.push({ start, date: piece.date });
        if (this.clock.length > 200) this.clock.splice(0, 100);
    }

    /** Waits while enough is fetched ahead, and removes what is long past. */
    async #room() {
        for (;;) {
            const ranges = this.buffered, now = this.video.currentTime;
            if (!ranges?.length) return;
            if (ranges.start(0) < now - past - 10) await this.#forget(past);
            if (this.#end - now < ahead) return;
            await pause(500, this.#signal);
        }
    }

    async #forget(seconds) {
        const until = this.video.currentTime - seconds;
        if (until <= 0 || !this.#buffer) return;
        this.#buffer.remove(0, until);
        await this.#updated();
    }
}
