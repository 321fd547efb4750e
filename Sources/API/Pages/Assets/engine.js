// Plays a live source through Media Source Extensions and keeps it close to the live edge.

import { NotThere } from "./hls.js";
import { Track } from "./track.js";

/** Further behind than this many seconds beyond what is wanted, the playhead jumps instead of running faster. */
const jump = 6;

export class Engine {
    #abort = new AbortController(); #timer = 0; #url = ""; #tracks = []; #extra = 0; #lastTime = -1; #stuckSince = 0; #stalls = 0;
    #beganAt = 0; #hasSettled = false; #isDry = false;

    constructor(video) {
        this.video = video;
        /** Seconds from the server's receiving a picture to showing it; NaN while unknown. */
        this.latency = NaN;
        this.target = NaN;
    }

    get signal() { return this.#abort.signal; }
    get stalls() { return this.#stalls; }
    get rate() { return this.#tracks[0]?.rate ?? 0; }

    /** Seconds of media ahead of the playhead. */
    get ahead() {
        const range = this.#current();
        return range ? range.end - this.video.currentTime : 0;
    }

    /** Plays until the source ends; `onPlaying` when the first media is there. Throws what ended it before. */
    async play(source, { latency, onPlaying }) {
        this.source = source;
        // Behind the edge by what the server wants, and by what arrives in one piece.
        this.target = latency || source.holdBack + source.pieceDuration / 2;
        const media = new MediaSource();
        this.#url = URL.createObjectURL(media);
        this.video.src = this.#url;
        const failed = new Promise((_, reject) => {
            this.video.addEventListener("error", () => reject(new Error(this.video.error?.message || "the browser stopped playing")),
                { signal: this.signal });
            this.signal.addEventListener("abort", () => reject(this.signal.reason), { once: true });
        });
        // It is waited for below, in a race; that it may be rejected before is no fault.
        failed.catch(() => {});
        try {
            await Promise.race([failed, new Promise((resolve) => media.addEventListener("sourceopen", resolve, { once: true }))]);
            this.#timer = setInterval(() => this.#steer(), 250);
            const sequences = source.tracks();
            let missing = sequences.length, open = null;
            const allThere = new Promise((resolve) => { open = resolve; });
            const gate = () => {
                if (--missing === 0) open();
                return allThere;
            };
            this.#tracks = sequences.map(() => new Track(media, this.video, gate, this.signal));
            let waiting = sequences.length, place = 0;
            const started = (start, skip) => {
                place = Math.max(place, start + skip);
                if (--waiting > 0) return;
                this.video.currentTime = place;
                this.#beganAt = performance.now();
                onPlaying();
            };
            await Promise.race([failed, Promise.all(this.#tracks.map((track, index) => track.run(sequences[index], started)))]);
            if (media.readyState === "open") media.endOfStream();
            await Promise.race([failed, this.#untilEnd()]);
        } finally {
            this.stop();
        }
    }

    stop() {
        clearInterval(this.#timer);
        if (!this.signal.aborted) this.#abort.abort(new DOMException("stopped", "AbortError"));
        URL.revokeObjectURL(this.#url);
    }

    #untilEnd() {
        return new Promise((resolve) => {
            if (this.video.ended) resolve();
            this.video.addEventListener("ended", resolve, { once: true, signal: this.signal });
        });
    }

    /** Goes to where playing live would be. */
    toLive() {
        const ranges = this.video.buffered;
        if (!ranges.length) return;
        const end = ranges.end(ranges.length - 1);
        this.video.currentTime = Math.max(ranges.start(ranges.length - 1), end - this.source.holdBack * 0.75);
    }

    #current() {
        const { buffered, currentTime } = this.video;
        for (let index = 0; index < buffered.length; index++) {
            if (currentTime >= buffered.start(index) - 0.05 && currentTime < buffered.end(index)) {
                return { start: buffered.start(index), end: buffered.end(index) };
            }
        }
        return null;
    }

    #measure() {
        const clock = this.#tracks[0]?.clock ?? [], time = this.video.currentTime;
        const entry = clock.findLast((one) => one.start <= time + 0.05);
        if (entry) return (Date.now() + this.source.clockOffset - entry.date) / 1000 - (time - entry.start);
        return NaN;
    }

    #steer() {
        const video = this.video;
        this.latency = this.#measure();
        if (video.paused || video.seeking) {
            this.#stuckSince = 0;
            return;
        }
        if (this.#unstick()) return;
        if (performance.now() - this.#beganAt > 4000) this.#hasSettled = true;
        const wanted = this.target + this.#extra, behind = this.latency - wanted;
        if (!Number.isFinite(behind) || this.source.playlist?.ended) {
            video.playbackRate = 1;
        } else if (behind > jump + 2 * this.source.pieceDuration && this.ahead > wanted) {
            video.currentTime += Math.min(behind, this.ahead - this.source.pieceDuration);
        } else if (!this.#hasSettled && behind > 0.5 && this.ahead > behind + 0.2) {
            // What the start itself took is made up for in one step, once.
            this.#hasSettled = true;
            video.currentTime += behind;
        } else if (behind > 0.25 && this.ahead > this.source.pieceDuration * 0.6) {
            // Up to 10 % faster: a voice stays a voice.
            video.playbackRate = 1 + Math.min(0.1, behind * 0.08 + 0.02);
        } else if (behind < -0.5 && this.ahead < this.source.pieceDuration) {
            video.playbackRate = 0.95;
        } else if (Math.abs(behind) < 0.1 || (behind < 0 && video.playbackRate > 1) || (behind > 0 && video.playbackRate < 1)) {
            video.playbackRate = 1;
        }
    }

    /** Over a hole in the timeline, or a decoder that stands still. Whether there was something to do. */
    #unstick() {
        const video = this.video, now = performance.now();
        if (video.currentTime !== this.#lastTime) {
            [this.#lastTime, this.#stuckSince, this.#isDry] = [video.currentTime, 0, false];
            return false;
        }
        if (!this.#stuckSince) this.#stuckSince = now;
        const stuck = now - this.#stuckSince;
        if (stuck < 400) return false;
        const { buffered } = video;
        for (let index = 0; index < buffered.length; index++) {
            const start = buffered.start(index);
            if (start > video.currentTime && this.ahead < 0.1) {
                video.currentTime = start + 0.02;
                this.#stuckSince = 0;
                return true;
            }
        }
        if (this.ahead > 0.5 && stuck > 1500) {
            video.currentTime += 0.1;
            this.#stuckSince = 0;
            return true;
        }
        if (this.ahead < 0.1 && !this.#isDry) {
            this.#isDry = true;
            // Ran dry: from now on a little further behind, so that it happens less often.
            this.#stalls += 1;
            this.#extra = Math.min(this.#extra + this.source.pieceDuration / 2, 2 * this.source.pieceDuration + 2);
        }
        return false;
    }
}

export { NotThere };
