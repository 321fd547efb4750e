// The player page: which way to play, what to do when it ends, and the controls.

import { Engine } from "./engine.js";
import { HLSSource, NotThere, pause } from "./hls.js";
import { Restart } from "./track.js";

const query = new URLSearchParams(location.search);
const id = query.get("id") ?? query.get("name") ?? "";
const order = (query.get("playOrder") ?? "ll-hls,hls,dash,vod").toLowerCase().split(",").map((one) => one.trim());
const video = document.getElementById("video");
const screen = document.getElementById("screen");
const part = (name) => document.getElementById(name);
const streams = new URL("streams/", location.href);
let engine = null, technique = "", playsNatively = false;

/** What media requests must carry. */
function mediaURL(path) {
    const url = new URL(path.split("/").map(encodeURIComponent).join("/"), streams);
    for (const name of ["token", "subscriberId", "subscriberCode"]) if (query.has(name)) url.searchParams.set(name, query.get(name));
    return url.href;
}

const techniques = {
    "ll-hls": { url: () => mediaURL(`ll-hls/${id}/${id}__master.m3u8`), type: "hls" },
    "hls": { url: () => mediaURL(`${id}.m3u8`), type: "hls" },
    "dash": { url: () => mediaURL(`${id}/${id}.mpd`), type: "dash" },
    "vod": { url: () => mediaURL(`${id}.mp4`), type: "file" },
};

/** Safari plays HLS better than a script can; elsewhere only where there is no Media Source Extensions. */
const nativeHLS = video.canPlayType("application/vnd.apple.mpegurl") !== ""
    && ("WebKitPlaybackTargetAvailabilityEvent" in window || !("MediaSource" in window));

function say(text, isError = false) {
    part("message").textContent = text;
    part("message").hidden = !text;
    part("message").classList.toggle("error", isError);
}

function state(name) { document.documentElement.dataset.state = name; }

/** Begins with sound where the browser lets a page, otherwise without it and with an offer. */
async function start() {
    state("playing");
    say("");
    try {
        await video.play();
    } catch (error) {
        if (error.name !== "NotAllowedError") return;
        video.muted = true;
        await video.play().catch(() => state("paused"));
    }
    showSound();
}

async function playSource(source) {
    await source.open();
    await engine.play(source, { latency: Number(query.get("latency")) || 0, onPlaying: start });
}

/** The browser's own player, until it ends or fails. */
async function playNatively(url) {
    const response = await fetch(url, { method: "HEAD", signal: engine.signal });
    if (!response.ok) throw new NotThere(response.status);
    playsNatively = true;
    try {
        video.src = url;
        await new Promise((resolve, reject) => {
            const options = { once: true, signal: engine.signal };
            video.addEventListener("loadeddata", start, options);
            video.addEventListener("ended", resolve, options);
            video.addEventListener("error", () => reject(new Error(video.error?.message || "cannot be played")), options);
            engine.signal.addEventListener("abort", () => reject(engine.signal.reason), { once: true });
        });
    } finally {
        playsNatively = false;
    }
}

async function playOnce(name) {
    const { url, type } = techniques[name];
    engine = new Engine(video);
    technique = name;
    document.documentElement.dataset.technique = name;
    try {
        if (type === "file" || (type === "hls" && nativeHLS)) return await playNatively(url());
        if (!("MediaSource" in window)) throw new Error("this browser cannot play live streams");
        if (type === "dash") {
            const { DASHSource } = await import("./dash.js");
            return await playSource(new DASHSource(url(), engine.signal));
        }
        return await playSource(new HLSSource(url(), engine.signal));
    } finally {
        engine.stop();
    }
}

/** Tries one way after the other, for ever: a stream that ends may come back. */
async function run() {
    const usable = order.filter((name) => name in techniques);
    if (!id) return say("No stream is named: add ?id= to the address.", true);
    if (!usable.length) return say("None of these ways to play is known here.", true);
    state("waiting");
    say("Waiting for the stream…");
    for (let failures = 0; ;) {
        let reason = null;
        for (const name of usable) {
            try {
                await playOnce(name);
                reason = { message: "The stream has ended.", isEnd: true };
                failures = 0;
                break;
            } catch (error) {
                if (document.documentElement.dataset.state === "playing") {
                    // It did play: whatever ended it, the first way is the best again.
                    reason = error instanceof NotThere ? { message: "The stream has ended.", isEnd: true } : error;
                    failures = reason.isEnd || reason instanceof Restart ? 0 : failures + 1;
                    break;
                }
                if (!(error instanceof NotThere) || !reason) reason = error;
            }
        }
        if (reason instanceof Restart) continue;
        state("waiting");
        if (reason.isEnd) say(reason.message);
        else if (!(reason instanceof NotThere)) say(`Cannot play: ${reason.message}`, true);
        else if (reason.status === 403 || reason.status === 401) say("Watching is not allowed, or there are too many viewers.", true);
        else say("Waiting for the stream…");
        if (!(reason instanceof NotThere) && !reason.isEnd) failures += 1;
        await pause(Math.min(10_000, (document.hidden ? 5000 : 1500) * 1.5 ** Math.min(failures, 5)));
    }
}

// MARK: Controls

function showSound() {
    const isQuiet = video.muted || video.volume === 0;
    part("unmute").hidden = !video.muted || document.documentElement.dataset.state !== "playing" || touched;
    part("mute").setAttribute("aria-pressed", String(isQuiet));
    part("mute").setAttribute("aria-label", isQuiet ? "Sound on" : "Sound off");
    part("mute").dataset.quiet = String(isQuiet);
    part("volume").value = video.muted ? 0 : video.volume;
}

let touched = false;
function toggleSound() {
    touched = true;
    video.muted = !video.muted;
    if (!video.muted && video.volume === 0) video.volume = 0.7;
    showSound();
}

function togglePlay() {
    if (video.paused) {
        engine?.toLive();
        video.play().catch(() => {});
    } else {
        video.pause();
    }
}

function toggleFullscreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else if (screen.requestFullscreen) screen.requestFullscreen().catch(() => {});
    else video.webkitEnterFullscreen?.();
}

function showNumbers() {
    const latency = playsNatively ? nativeLatency() : engine?.latency ?? NaN;
    const isLive = Number.isFinite(latency) && !video.paused;
    part("latency").textContent = Number.isFinite(latency) ? `${latency.toFixed(1)} s` : "";
    part("live").dataset.live = String(isLive && latency < (engine.target || 6) + 4);
    part("live").title = `${technique}, ${Number.isFinite(latency) ? latency.toFixed(2) : "?"} s behind, ${
        (engine?.ahead ?? 0).toFixed(1)} s in the buffer, ${engine?.stalls ?? 0} stalls, ×${video.playbackRate.toFixed(2)}`;
}

function nativeLatency() {
    const began = video.getStartDate?.().getTime();
    return Number.isFinite(began) ? (Date.now() - began) / 1000 - video.currentTime : NaN;
}

let idle = 0;
function showControls() {
    screen.classList.remove("idle");
    clearTimeout(idle);
    idle = setTimeout(() => { if (!video.paused) screen.classList.add("idle"); }, 3000);
}

part("play").addEventListener("click", togglePlay);
part("mute").addEventListener("click", toggleSound);
part("unmute").addEventListener("click", toggleSound);
part("live").addEventListener("click", () => engine?.toLive());
part("full").addEventListener("click", toggleFullscreen);
part("volume").addEventListener("input", (event) => {
    touched = true;
    video.volume = Number(event.target.value);
    video.muted = video.volume === 0;
    showSound();
});
video.addEventListener("click", togglePlay);
video.addEventListener("volumechange", showSound);
for (const name of ["play", "pause"]) {
    video.addEventListener(name, () => {
        part("play").dataset.paused = String(video.paused);
        part("play").setAttribute("aria-label", video.paused ? "Play" : "Pause");
        showControls();
    });
}
for (const name of ["pointermove", "pointerdown", "keydown", "focusin"]) screen.addEventListener(name, showControls);
document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === "INPUT") return;
    const actions = { " ": togglePlay, k: togglePlay, m: toggleSound, f: toggleFullscreen, l: () => engine?.toLive() };
    // A focused button does on space what it does on a click.
    if (!actions[event.key] || (event.key === " " && event.target.tagName === "BUTTON")) return;
    event.preventDefault();
    actions[event.key]();
});
document.addEventListener("visibilitychange", () => {
    if (!document.hidden && engine?.latency > (engine?.target ?? 0) + 5 && !video.paused) engine.toLive();
});

if (query.get("muted") === "true") video.muted = true;
if (query.get("title")) document.title = query.get("title");
else if (id) document.title = `${id} – live`;
setInterval(showNumbers, 500);
showControls();
// Read by whoever embeds or tests the page.
window.martlet = { get engine() { return engine; }, get technique() { return technique; }, video };
run();
