// As much of YAML 1.2 as openapi.yaml uses: block mappings and sequences, plain and quoted scalars, literal blocks, flow lists, comments.

/** The value of a one-line scalar or flow list. */
function scalar(text) {
    text = text.trim();
    if (text.startsWith("'") && text.endsWith("'") && text.length > 1) return text.slice(1, -1).replaceAll("''", "'");
    if (text.startsWith("\"") && text.endsWith("\"") && text.length > 1) return JSON.parse(text);
    if (text.startsWith("[") && text.endsWith("]")) return text.slice(1, -1).split(",").map(scalar).filter((one) => one !== "");
    if (text === "{}") return {};
    if (text === "true" || text === "false") return text === "true";
    if (text === "null" || text === "~") return null;
    return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}

/** `key: rest` apart; keys may be quoted and may hold braces and slashes, as paths do. */
function pair(text) {
    const found = /^("[^"]*"|'[^']*'|[^\s#"'[][^#]*?):(?:\s+(.*))?$/.exec(text);
    return found && { key: String(scalar(found[1])), rest: (found[2] ?? "").trim() };
}

export function parseYAML(source) {
    const lines = source.split(/\r?\n/).map((text) => ({ indent: text.search(/\S/), text: text.trim(), raw: text }));
    let at = 0;
    const skip = () => { while (at < lines.length && (lines[at].indent < 0 || lines[at].text.startsWith("#"))) at++; };

    function literal(indent, isFolded) {
        const taken = [];
        let own = -1;
        for (; at < lines.length && (lines[at].indent < 0 || lines[at].indent > indent); at++) {
            if (own < 0 && lines[at].indent >= 0) own = lines[at].indent;
            taken.push(lines[at].raw.slice(Math.max(own, 0)));
        }
        return taken.join(isFolded ? " " : "\n").trimEnd() + "\n";
    }

    /** What follows a key or a dash on a line of this indentation. */
    function value(rest, indent) {
        if (rest === "|" || rest === ">" || rest === "|-" || rest === ">-") return literal(indent, rest[0] === ">");
        if (rest !== "") return scalar(rest);
        skip();
        if (at >= lines.length) return null;
        const next = lines[at];
        // Sequences may stand at their key's own indentation.
        if (next.indent > indent || (next.indent === indent && next.text.startsWith("- "))) return block(next.indent);
        return null;
    }

    function block(indent) {
        return lines[at].text.startsWith("- ") ? sequence(indent) : mapping(indent);
    }

    function sequence(indent) {
        const list = [];
        for (skip(); at < lines.length && lines[at].indent === indent && lines[at].text.startsWith("- "); skip()) {
            const rest = lines[at].text.slice(2).trim();
            if (pair(rest)) {
                // A mapping that begins behind the dash goes on below it.
                lines[at] = { indent: indent + 2, text: rest, raw: " ".repeat(indent + 2) + rest };
                list.push(mapping(indent + 2));
            } else {
                at++;
                list.push(value(rest, indent));
            }
        }
        return list;
    }

    function mapping(indent) {
        const map = {};
        for (skip(); at < lines.length && lines[at].indent === indent; skip()) {
            const found = pair(lines[at].text);
            if (!found) throw new Error(`line ${at + 1} is no mapping: ${lines[at].text}`);
            at++;
            map[found.key] = value(found.rest, indent);
        }
        return map;
    }

    skip();
    const whole = at < lines.length ? block(lines[at].indent) : null;
    skip();
    if (at < lines.length) throw new Error(`line ${at + 1} belongs to nothing: ${lines[at].text}`);
    return whole;
}
