// HLS playlists: RFC 8216 and the low-latency parts of RFC 8216bis.

/** `A=1,B="x,y"` as a Map of texts without their quotes. */
function attributes(text) {
    const found = new Map();
    for (const [, name, quoted, plain] of text.matchAll(/([A-Z0-9-]+)=(?:"([^"]*)"|([^,]*))/g)) found.set(name, quoted ?? plain);
    return found;
}

/** `length@offset`; without an offset it begins where the one before ended. */
function byteRange(text, previousEnd) {
    const [length, offset] = text.split("@").map(Number);
    const start = Number.isFinite(offset) ? offset : previousEnd;
    return { start, end: start + length };
}

/** The variants of a multivariant playlist, best first; null when it is a media playlist. */
export function variants(text, base) {
    const lines = text.split(/\r?\n/), found = [];
    for (let at = 0; at < lines.length; at++) {
        if (!lines[at].startsWith("#EXT-X-STREAM-INF:")) continue;
        const uri = lines.slice(at + 1).find((line) => line && !line.startsWith("#"));
        if (!uri) break;
        const given = attributes(lines[at].slice(18));
        found.push({ url: new URL(uri, base).href, bandwidth: Number(given.get("BANDWIDTH")) || 0, resolution: given.get("RESOLUTION") ?? "" });
    }
    return found.length ? found.sort((a, b) => b.bandwidth - a.bandwidth) : null;
}

/**
 * A media playlist. `segments` by media sequence number; the last may be incomplete (no `url`) and hold parts only. `previous` fills in what a
 * delta update leaves out; when it cannot, `isIncomplete` is set and the whole playlist has to be asked for.
 */
export function mediaPlaylist(text, base, previous = null) {
    if (!text.startsWith("#EXTM3U")) throw new Error("not a playlist");
    const playlist = {
        targetDuration: 2, partTarget: 0, first: 0, next: 0, segments: new Map(), ended: false, isRecording: false,
        isIncomplete: false, hint: null,
        control: { blocks: false, holdBack: 0, partHoldBack: 0, skipUntil: 0 },
    };
    const url = (uri) => new URL(uri, base).href;
    let number = 0, sequence = 0, map = null, date = NaN, duration = 0, parts = [], gap = false;
    let range = null, rangeEnd = 0, partEnd = 0;
    const segment = (uri) => ({ number, url: uri, duration, sequence, map, date, parts, gap, range });
    for (const line of text.split(/\r?\n/)) {
        if (!line) continue;
        if (!line.startsWith("#")) {
            playlist.segments.set(number, segment(url(line)));
            number += 1;
            date += duration * 1000;
            [parts, gap, range, duration, partEnd] = [[], false, null, 0, 0];
            continue;
        }
        const colon = line.indexOf(":");
        const tag = colon < 0 ? line : line.slice(0, colon), value = colon < 0 ? "" : line.slice(colon + 1);
        switch (tag) {
        case "#EXT-X-TARGETDURATION": playlist.targetDuration = Number(value) || 2; break;
        case "#EXT-X-MEDIA-SEQUENCE": playlist.first = number = Number(value) || 0; break;
        case "#EXT-X-DISCONTINUITY-SEQUENCE": sequence = Number(value) || 0; break;
        case "#EXT-X-DISCONTINUITY": sequence += 1; break;
        case "#EXT-X-PROGRAM-DATE-TIME": date = Date.parse(value); break;
        case "#EXTINF": duration = parseFloat(value) || 0; break;
        case "#EXT-X-GAP": gap = true; break;
        case "#EXT-X-ENDLIST": playlist.ended = true; break;
        case "#EXT-X-PLAYLIST-TYPE": playlist.isRecording = value === "VOD"; break;
        case "#EXT-X-PART-INF": playlist.partTarget = Number(attributes(value).get("PART-TARGET")) || 0; break;
        case "#EXT-X-BYTERANGE": range = byteRange(value, rangeEnd); rangeEnd = range.end; break;
        case "#EXT-X-MAP": {
            const given = attributes(value), bytes = given.get("BYTERANGE");
            map = { url: url(given.get("URI") ?? ""), range: bytes ? byteRange(bytes, 0) : null };
            break;
        }
        case "#EXT-X-SERVER-CONTROL": {
            const given = attributes(value), seconds = (name) => Number(given.get(name)) || 0;
            playlist.control = {
                blocks: given.get("CAN-BLOCK-RELOAD") === "YES", holdBack: seconds("HOLD-BACK"), partHoldBack: seconds("PART-HOLD-BACK"),
                skipUntil: seconds("CAN-SKIP-UNTIL"),
            };
            break;
        }
        case "#EXT-X-PART": {
            const given = attributes(value), bytes = given.get("BYTERANGE");
            const part = {
                url: url(given.get("URI") ?? ""), duration: Number(given.get("DURATION")) || 0,
                independent: given.get("INDEPENDENT") === "YES", gap: given.get("GAP") === "YES",
                range: bytes ? byteRange(bytes, partEnd) : null,
            };
            if (part.range) partEnd = part.range.end;
            parts.push(part);
            break;
        }
        case "#EXT-X-PRELOAD-HINT": {
            const given = attributes(value);
            if (given.get("TYPE") === "PART" && !given.has("BYTERANGE-START")) playlist.hint = url(given.get("URI") ?? "");
            break;
        }
        case "#EXT-X-SKIP": {
            const count = Number(attributes(value).get("SKIPPED-SEGMENTS")) || 0;
            for (let left = count; left > 0; left--, number++) {
                const known = previous?.segments.get(number);
                if (!known) { playlist.isIncomplete = true; continue; }
                playlist.segments.set(number, known);
                // What the skipped lines would have said goes on behind them.
                [sequence, map] = [known.sequence, known.map];
                date = known.date + known.duration * 1000;
            }
            break;
        }
        }
    }
    if (parts.length) playlist.segments.set(number, segment(null));
    playlist.next = number;
    return playlist;
}
