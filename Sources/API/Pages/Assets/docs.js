// A readable page of openapi.yaml.

import { h } from "./ui.js";
import { parseYAML } from "./yaml.js";

const methods = ["get", "post", "put", "delete", "patch"];
const part = (name) => document.getElementById(name);

/** Text with `code` in it, and an empty line between paragraphs. */
function prose(text) {
    return String(text ?? "").trim().split(/\n\s*\n/).filter(Boolean).map((paragraph) =>
        h("p", {}, paragraph.split("`").map((piece, index) => (index % 2 ? h("code", {}, piece) : piece))));
}

function typeOf(schema) {
    if (!schema) return "";
    if (schema.$ref) {
        const name = schema.$ref.split("/").pop();
        return h("a", { href: `#schema-${name}` }, name);
    }
    const either = schema.oneOf ?? schema.anyOf ?? schema.allOf;
    if (either) return h("span", {}, either.flatMap((one, index) => (index ? [" or ", typeOf(one)] : [typeOf(one)])));
    const type = [schema.type ?? "any"].flat().filter((one) => one !== "null").join(" or ");
    const isNullable = Array.isArray(schema.type) && schema.type.includes("null");
    const inner = type === "array" ? h("span", {}, "list of ", typeOf(schema.items)) : h("span", {}, type);
    if (isNullable) inner.append(" or null");
    if (schema.default !== undefined) inner.append(`, default ${JSON.stringify(schema.default)}`);
    if (schema.enum) inner.append(`: ${schema.enum.join(", ")}`);
    return inner;
}

function table(caption, rows) {
    return h("div", { class: "scroll" }, h("table", {}, h("caption", {}, caption), h("tbody", {}, rows)));
}

function operation(path, method, given, all) {
    const id = `${method}-${path.replace(/[^A-Za-z0-9]+/g, "-")}`;
    const parameters = [...(all.parameters ?? []), ...(given.parameters ?? [])].map((one) => h("tr", {},
        h("th", { scope: "row" }, h("code", {}, one.name), one.required && h("small", {}, " required")),
        h("td", {}, one.in), h("td", {}, typeOf(one.schema)), h("td", {}, prose(one.description))));
    const answers = Object.entries(given.responses ?? {}).map(([status, one]) => {
        const known = one.$ref ? resolve(one.$ref) : one;
        const [kind, content] = Object.entries(known.content ?? {})[0] ?? [];
        return h("tr", {}, h("th", { scope: "row" }, status), h("td", {}, content ? typeOf(content.schema) : "no body",
            kind && kind !== "application/json" && h("small", {}, ` ${kind}`)), h("td", {}, prose(known.description)));
    });
    const body = Object.values(given.requestBody?.content ?? {})[0];
    return h("section", { id, class: "operation" },
        h("h3", {}, h("span", { class: `method ${method}` }, method.toUpperCase()), h("code", {}, path), h("a", { href: `#${id}`, "aria-label": "Link" }, "#")),
        h("p", { class: "summary" }, given.summary ?? "", all.servers && h("small", {}, " (at the server's root)")), prose(given.description),
        parameters.length > 0 && table("Parameters", parameters),
        body && h("p", {}, "Body: ", typeOf(body.schema)),
        answers.length > 0 && table("Answers", answers));
}

let document_ = null;
function resolve(reference) {
    return reference.replace(/^#\//, "").split("/").reduce((value, name) => value?.[name.replaceAll("~1", "/").replaceAll("~0", "~")], document_) ?? {};
}

function schema(name, given) {
    const members = Object.entries(given.properties ?? {}).map(([member, one]) => h("tr", {},
        h("th", { scope: "row" }, h("code", {}, member)), h("td", {}, typeOf(one)), h("td", {}, prose(one.description))));
    return h("section", { id: `schema-${name}` }, h("h3", {}, name), prose(given.description),
        members.length ? table("Members", members) : h("p", {}, typeOf(given)));
}

async function show() {
    const response = await fetch("openapi.yaml");
    if (!response.ok) throw new Error(`openapi.yaml: HTTP ${response.status}`);
    const api = document_ = parseYAML(await response.text());
    part("title").textContent = api.info.title;
    document.title = api.info.title;
    part("about").replaceChildren(...prose(api.info.description),
        h("p", {}, "Below each of ", (api.servers ?? []).flatMap((one, index) => [index ? ", " : "", h("code", {}, new URL(one.url.replace("{app}", "live")).pathname)]), "."));
    const sections = [], contents = [];
    for (const [path, all] of Object.entries(api.paths)) {
        for (const method of methods) {
            if (!all[method]) continue;
            const section = operation(path, method, all[method], all);
            sections.push(section);
            contents.push(h("li", {}, h("a", { href: `#${section.id}` }, h("span", { class: `method ${method}` }, method.toUpperCase()), h("span", {}, path))));
        }
    }
    part("operations").replaceChildren(...sections);
    part("contents").replaceChildren(...contents);
    part("schemas").replaceChildren(...Object.entries(api.components?.schemas ?? {}).map(([name, given]) => schema(name, given)));
    if (location.hash) document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
}

part("find").addEventListener("input", (event) => {
    const wanted = event.target.value.toLowerCase();
    for (const item of part("contents").children) item.hidden = !item.textContent.toLowerCase().includes(wanted);
    for (const section of part("operations").children) section.hidden = !section.textContent.toLowerCase().includes(wanted);
});
show().catch((error) => { part("about").replaceChildren(h("p", { class: "bad" }, error.message)); });
