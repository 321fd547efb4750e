// The public REST API, and the server's events. Asks for the token when the server wants one.

const key = "martlet-api-token";
let asking = null;

/** Set by the page: shows a form and resolves with what was typed, or null. */
export const prompts = { token: async () => null };

function headers(more = {}) {
    const token = sessionStorage.getItem(key);
    return token ? { ...more, Authorization: `Bearer ${token}` } : more;
}

export const hasToken = () => sessionStorage.getItem(key) !== null;
export function forgetToken() { sessionStorage.removeItem(key); }

export class Refused extends Error {
    constructor(status, message) {
        super(message);
        this.status = status;
    }
}

async function send(path, options) {
    for (;;) {
        const response = await fetch(`v2${path}`, { ...options, headers: headers(options?.headers), cache: "no-store" });
        if (response.status !== 403) return response;
        // Several calls may be refused at once; the form is shown once.
        asking ??= prompts.token(hasToken()).finally(() => { asking = null; });
        const token = await asking;
        if (token === null) throw new Refused(403, "The server wants an API token.");
        sessionStorage.setItem(key, token);
    }
}

/** Calls `/v2{path}`; a Result that says `success: false` is thrown with its message. Null for an unknown resource. */
export async function call(method, path, body) {
    const options = { method };
    if (body !== undefined) {
        options.headers = { "Content-Type": "application/json" };
        options.body = JSON.stringify(body);
    }
    const response = await send(path, options);
    const text = await response.text();
    let answer = null;
    try { answer = text ? JSON.parse(text) : null; } catch { /* told below by its status */ }
    if (response.status === 404 && !answer) return null;
    if (answer?.success === false) throw new Refused(response.status, answer.message || "The server refused, without a reason.");
    if (!response.ok) throw new Refused(response.status, answer?.message || `The server answered ${response.status}.`);
    return answer;
}

/**
 * Sends a form, which `fetch` cannot tell the progress of. `onProgress` is told how much is sent, 0…1; the signal ends it early. A Result that says
 * `success: false` is thrown, as by `call`.
 */
export function upload(path, form, signal, onProgress) {
    return new Promise((resolve, reject) => {
        const request = new XMLHttpRequest();
        request.open("POST", `v2${path}`);
        for (const [name, value] of Object.entries(headers())) request.setRequestHeader(name, value);
        request.upload.onprogress = (event) => { if (event.lengthComputable) onProgress(event.loaded / event.total); };
        request.onload = () => {
            let answer = null;
            try { answer = JSON.parse(request.responseText); } catch { /* told below by its status */ }
            if (request.status === 200 && answer?.success) resolve(answer);
            else reject(new Refused(request.status, answer?.message || `The server answered ${request.status}.`));
        };
        request.onerror = () => reject(new Error("The connection broke, or the server refused the file."));
        request.onabort = () => reject(new Error("Cancelled."));
        signal.addEventListener("abort", () => request.abort());
        request.send(form);
    });
}

export const get = (path) => call("GET", path);
export const segment = encodeURIComponent;

/** All broadcasts, page by page, up to a thousand. */
export async function broadcasts() {
    const all = [];
    for (let offset = 0; offset < 1000; offset += 50) {
        const page = await get(`/broadcasts/list/${offset}/50`);
        all.push(...page);
        if (page.length < 50) break;
    }
    return all;
}

/**
 * Follows the server's events until the signal ends it: `onEvent(name, data)`, and `onState("live" | "polling")`. A connection that breaks is made
 * again; where there are no events `onPoll` is called instead, every few seconds.
 */
export async function follow({ onEvent, onState, onPoll, signal }) {
    let delay = 500;
    while (!signal.aborted) {
        try {
            const response = await fetch("v2/events", { headers: headers({ Accept: "text/event-stream" }), cache: "no-store", signal });
            if (response.ok && response.headers.get("Content-Type")?.startsWith("text/event-stream")) {
                onState("live");
                // What happened before the connection stood is read once.
                await onPoll();
                delay = 500;
                await read(response.body, onEvent);
            } else {
                await response.body?.cancel();
                onState("polling");
                await onPoll();
                delay = 3000;
            }
        } catch (error) {
            if (signal.aborted) return;
            onState("polling", error);
            await onPoll().catch(() => {});
            delay = Math.min(5000, delay * 2);
        }
        await new Promise((resolve) => setTimeout(resolve, delay));
    }
}

/** Takes an event stream apart (HTML standard §9.2.6), as far as this server uses it. Ends when the server falls silent. */
async function read(body, onEvent) {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
        let timer = 0;
        const silence = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error("no sign of life")), 20_000); });
        let chunk;
        try {
            chunk = await Promise.race([reader.read(), silence]);
        } catch (error) {
            reader.cancel().catch(() => {});
            throw error;
        } finally {
            clearTimeout(timer);
        }
        if (chunk.done) return;
        text += chunk.value;
        for (let end; (end = text.indexOf("\n\n")) >= 0; text = text.slice(end + 2)) {
            let name = "message", data = "";
            for (const line of text.slice(0, end).split("\n")) {
                if (line.startsWith("event: ")) name = line.slice(7);
                else if (line.startsWith("data: ")) data += line.slice(6);
            }
            if (data) onEvent(name, JSON.parse(data));
        }
    }
}
