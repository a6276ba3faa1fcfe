/**
 * Owns how a flag came to be, in words: who or which rule made it and why, and what an import or another app says
 * of it. The one rule: what a flag's `origin` holds is shown, also what this page has no name for.
 */

import { h } from "./dom.js";
import { foldText } from "./folds.js";
import { nameField } from "./inputs.js";
import { name, text } from "./texts.js";

const RULE = "rule:";

/** Rule → its reasons as the server writes them; other languages are told what stands at the places. */
const REASONS = {
  low_confidence: ["The confidence {value} is below {bound}."],
  small_margin: ["{first} is only {value} ahead of {second}; {bound} is asked for."],
  out_of_range: ["The value {value} is below {bound}.", "The value {value} is above {bound}."],
  disagreement: ["The answer is {answer}, but {model} version {version} {other}."],
  slow: ["The model failed.", "The answer took {value} ms, more than {bound}."],
  audit: ["Drawn for the audit, {share} of all predictions."],
  auto: ["Every prediction of this model is flagged."],
};

/** Who made the flag, or how it came to be. */
export function sayFlagger({ flagger, source }) {
  if (!flagger) return name("source", source);
  return flagger.startsWith(RULE) ? text("desk.rule", { rule: sayRule(flagger) }) : flagger;
}

/** What the flagger wrote, between quotation marks, or the reason of a rule; "" for nothing. */
export function sayComment(flag) {
  if (!flag.comment) return "";
  return isRuled(flag) ? sayReason(flag) : text("desk.quoted", { words: flag.comment });
}

/** Draw what is known of the flag beside its prediction: words, suggestion, rules, tags, doubts, an import's repairs. */
export function buildNote(flag, model) {
  const said = sayComment(flag);
  const words = said && h("div", { class: "desk-words" }, ...foldText(said));
  const lines = [...listLines(flag), ...listDoubts(flag.origin, model)].map((line) => h("div", {}, line));
  const details = buildOrigin(flag.origin, model);
  return words || lines.length || details ? h("div", { class: "desk-note" }, words, ...lines, details) : null;
}

const isRuled = ({ flagger }) => (flagger ?? "").startsWith(RULE);

const sayRule = (tag) => name("rule", tag.slice(RULE.length));

function listLines(flag) {
  const { suggested_label: suggested, labels = [], origin, tags } = flag;
  const rules = (tags ?? []).filter((tag) => tag.startsWith(RULE));
  const others = (tags ?? []).filter((tag) => !tag.startsWith(RULE));
  return [
    suggested && !labels.includes(suggested) && text("desk.suggests", { label: suggested }),
    rules.length > 1 && text("desk.rules", { rules: rules.map(sayRule).join(", ") }),
    others.length > 0 && text("desk.tags", { tags: others.join(", ") }),
    origin?.file && text("desk.imported", { file: origin.file, row: origin.row ?? "?" }),
  ].filter(Boolean);
}

/** Which values the browser and the app did not have in common; empty for a page that both saw the same. */
function listDoubts(origin, model) {
  const edited = Object.keys(mergeRoles(origin?.edited));
  const unconfirmed = [origin?.client_values ?? []].flat();
  return [
    edited.length > 0 && text("desk.edited", { names: listNames(edited, model) }),
    unconfirmed.length > 0 && text("desk.client_values", { names: listNames(unconfirmed, model) }),
  ].filter(Boolean);
}

/** The values of inputs and outputs in one object, by name. */
const mergeRoles = (roles) => ({ ...roles?.inputs, ...roles?.outputs });

const listNames = (keys, model) => keys.map((key) => findName(key, model)).join(", ");

const findName = (key, model) => nameField(String(key), model?.inputs?.[key] ?? model?.outputs?.[key]);

/** A reason in the reader's language, or as it is stored when it reads otherwise. */
function sayReason({ comment }) {
  const said = [];
  let rest = comment;
  while (rest) {
    const [key, pattern] = PATTERNS.find(([, each]) => each.test(rest)) ?? [];
    if (!key) return comment;
    const match = rest.match(pattern);
    said.push(text(key, match.groups));
    rest = rest.slice(match[0].length);
  }
  return said.join(" ");
}

const PATTERNS = Object.entries(REASONS).flatMap(([rule, sentences]) =>
  sentences.map((words, at) => [`reason.${rule}.${at}`, toPattern(words)]),
);

/** "below {bound}." → /^below (?<bound>.+?)\.(?: |$)/s */
function toPattern(words) {
  const literal = words.replace(/[.;]/g, "\\$&");
  return new RegExp(`^${literal.replace(/\{(\w+)\}/g, "(?<$1>.+?)")}(?: |$)`, "s");
}

function buildOrigin(origin, model) {
  const { file, row, client_values, ...rest } = origin ?? {};
  const edited = Object.entries(mergeRoles(rest.edited)).map(([key, value]) => [findName(key, model), value]);
  const told = Object.entries({ ...rest, edited: Object.fromEntries(edited) }).filter(([, value]) => isTold(value));
  if (!told.length) return null;
  const rows = told.map(([key, value]) =>
    h("tr", {}, h("th", { scope: "row" }, text(`origin.${key}`)), h("td", {}, ...foldText(sayTold(value)))),
  );
  const table = h("table", { class: "desk-table" }, h("tbody", {}, ...rows));
  return h("details", {}, h("summary", {}, text("desk.origin")), table);
}

const isTold = (value) => !["null", '""', "[]", "{}"].includes(JSON.stringify(value));

/** A list line by line, an object as names and values. */
function sayTold(value) {
  if (Array.isArray(value)) return value.map(sayTold).join("\n");
  if (typeof value !== "object" || value === null) return String(value);
  return Object.entries(value).map(([key, each]) => `${key}: ${sayTold(each)}`).join("\n");
}
