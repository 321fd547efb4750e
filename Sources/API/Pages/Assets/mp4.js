// Reads as much of fragmented MP4 (ISO/IEC 14496-12) as Media Source Extensions want to be told: the codecs of an init segment, and where the
// timeline of a media segment begins.

/** The boxes between two offsets; a box that claims more than there is ends the walk. */
function* boxes(view, start, end) {
    let at = start;
    while (at + 8 <= end) {
        let size = view.getUint32(at);
        let header = 8;
        if (size === 1) {
            if (at + 16 > end) return;
            size = view.getUint32(at + 8) * 2 ** 32 + view.getUint32(at + 12);
            header = 16;
        } else if (size === 0) {
            size = end - at;
        }
        if (size < header || at + size > end) return;
        yield { type: fourCC(view, at + 4), start: at + header, end: at + size };
        at += size;
    }
}

function fourCC(view, at) {
    return String.fromCharCode(view.getUint8(at), view.getUint8(at + 1), view.getUint8(at + 2), view.getUint8(at + 3));
}

function find(view, start, end, ...path) {
    let found = { start, end };
    for (const type of path) {
        let next = null;
        for (const box of boxes(view, found.start, found.end)) if (box.type === type) { next = box; break; }
        if (!next) return null;
        found = next;
    }
    return found;
}

const hex = (byte) => byte.toString(16).padStart(2, "0");

/** RFC 6381 name of one sample entry; null for what no browser plays. */
function codecOf(view, entry) {
    const isVideo = !["mp4a", "Opus", "fLaC", "ac-3", "ec-3"].includes(entry.type);
    // Fixed parts of VisualSampleEntry and AudioSampleEntry.
    const inner = entry.start + (isVideo ? 78 : 28);
    const record = (type) => find(view, inner, entry.end, type);
    const byte = (box, offset) => (box && box.start + offset < box.end ? view.getUint8(box.start + offset) : 0);
    switch (entry.type) {
    case "avc1": case "avc3": {
        const box = record("avcC");
        return `${entry.type}.${hex(byte(box, 1))}${hex(byte(box, 2))}${hex(byte(box, 3))}`;
    }
    case "hvc1": case "hev1": {
        const box = record("hvcC");
        if (!box || box.end - box.start < 13) return null;
        const profile = byte(box, 1);
        let flags = view.getUint32(box.start + 2), reversed = 0;
        for (let bit = 0; bit < 32; bit++, flags >>>= 1) reversed = (reversed << 1 | flags & 1) >>> 0;
        const constraints = [];
        for (let at = 6; at < 12; at++) constraints.push(byte(box, at));
        while (constraints.length && constraints[constraints.length - 1] === 0) constraints.pop();
        const space = ["", "A", "B", "C"][profile >> 6], tier = profile & 0x20 ? "H" : "L";
        return [`${entry.type}.${space}${profile & 0x1f}`, reversed.toString(16), `${tier}${byte(box, 12)}`,
            ...constraints.map((value) => value.toString(16))].join(".");
    }
    case "av01": {
        const box = record("av1C");
        const level = byte(box, 1) & 0x1f, tier = byte(box, 2) & 0x80 ? "H" : "M";
        const depth = byte(box, 2) & 0x40 ? (byte(box, 2) & 0x20 ? 12 : 10) : 8;
        return `av01.${byte(box, 1) >> 5}.${String(level).padStart(2, "0")}${tier}.${String(depth).padStart(2, "0")}`;
    }
    case "vp09": {
        const box = record("vpcC"), two = (value) => String(value).padStart(2, "0");
        return `vp09.${two(byte(box, 4))}.${two(byte(box, 5))}.${two(byte(box, 6) >> 4)}`;
    }
    case "vp08": return "vp8";
    case "mp4a": return audioCodec(view, record("esds"));
    case "Opus": return "opus";
    case "fLaC": return "flac";
    case "ac-3": case "ec-3": return entry.type;
    default: return null;
    }
}

/** From the descriptors of ISO/IEC 14496-1 §7.2.6: the object type, and for MPEG-4 audio the type in its configuration. */
function audioCodec(view, esds) {
    if (!esds) return "mp4a.40.2";
    let at = esds.start + 4, objectType = 0x40;
    while (at + 2 <= esds.end) {
        const tag = view.getUint8(at++);
        let length = 0, byte = 0x80;
        for (let count = 0; count < 4 && byte & 0x80 && at < esds.end; count++) {
            byte = view.getUint8(at++);
            length = length << 7 | byte & 0x7f;
        }
        if (tag === 3) {
            if (at + 3 > esds.end) break;
            const flags = view.getUint8(at + 2);
            at += 3 + (flags & 0x80 ? 2 : 0) + (flags & 0x20 ? 2 : 0);
        } else if (tag === 4) {
            if (at + 13 > esds.end) break;
            objectType = view.getUint8(at);
            at += 13;
        } else if (tag === 5) {
            if (objectType !== 0x40 || at + 2 > esds.end) break;
            let type = view.getUint8(at) >> 3;
            if (type === 31) type = 32 + ((view.getUint8(at) & 7) << 3 | view.getUint8(at + 1) >> 5);
            return `mp4a.40.${type}`;
        } else {
            at += length;
        }
    }
    return objectType === 0x40 ? "mp4a.40.2" : `mp4a.${objectType.toString(16).toUpperCase()}`;
}

/** What an init segment holds: `mime` for a SourceBuffer, the handlers of its tracks (`vide`, `soun`), and each track's ticks per second. */
export function readInit(bytes) {
    const view = new DataView(bytes);
    const moov = find(view, 0, view.byteLength, "moov");
    if (!moov) throw new Error("no moov box in the init segment");
    const codecs = [], kinds = [], timescales = new Map();
    for (const track of boxes(view, moov.start, moov.end)) {
        if (track.type !== "trak") continue;
        const header = find(view, track.start, track.end, "tkhd");
        const media = find(view, track.start, track.end, "mdia", "mdhd");
        const kind = find(view, track.start, track.end, "mdia", "hdlr");
        const table = find(view, track.start, track.end, "mdia", "minf", "stbl", "stsd");
        if (!header || !media || !kind || !table) continue;
        const id = view.getUint32(header.start + (view.getUint8(header.start) === 1 ? 20 : 12));
        timescales.set(id, view.getUint32(media.start + (view.getUint8(media.start) === 1 ? 20 : 12)));
        for (const entry of boxes(view, table.start + 8, table.end)) {
            const codec = codecOf(view, entry);
            if (codec) {
                codecs.push(codec);
                kinds.push(fourCC(view, kind.start + 8));
            }
            break;
        }
    }
    if (!codecs.length) throw new Error("no track that a browser plays");
    const mime = `${kinds.includes("vide") ? "video" : "audio"}/mp4; codecs="${codecs.join(",")}"`;
    return { mime, kinds: kinds.sort().join(), timescales };
}

/**
 * How many bytes of the beginning are whole fragments, up to the end of an `mdat`, and how many must be there before it is worth looking again.
 */
export function wholeFragments(bytes) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let end = 0, walked = 0;
    for (const box of boxes(view, 0, view.byteLength)) {
        walked = box.end;
        if (box.type === "mdat") end = box.end;
    }
    const size = walked + 8 <= view.byteLength ? Math.max(8, view.getUint32(walked)) : 8;
    return { end, needed: walked + size };
}

/** Seconds at which the first fragment begins: the earliest of its tracks' decode times. NaN when it does not say. */
export function fragmentStart(bytes, timescales) {
    const view = new DataView(bytes);
    const moof = find(view, 0, view.byteLength, "moof");
    let earliest = NaN;
    if (!moof) return earliest;
    for (const track of boxes(view, moof.start, moof.end)) {
        if (track.type !== "traf") continue;
        const header = find(view, track.start, track.end, "tfhd"), time = find(view, track.start, track.end, "tfdt");
        const scale = header && timescales.get(view.getUint32(header.start + 4));
        if (!time || !scale) continue;
        const ticks = view.getUint8(time.start) === 1
            ? view.getUint32(time.start + 4) * 2 ** 32 + view.getUint32(time.start + 8) : view.getUint32(time.start + 4);
        if (!(ticks / scale >= earliest)) earliest = ticks / scale;
    }
    return earliest;
}
