/**
 * Owns the help beside a decision: what similar flags were corrected to, what the newest version answers, what drove
 * the prediction. The one rule: it is fetched after the card stands, so that no key waits for it, and it is only ever
 * said, never done.
 */

import { get } from "./api.js";
import { h } from "./dom.js";
import { formatCount, formatShare, formatValue, formatVersion } from "./format.js";
import { sayOutput } from "./pills.js";
import { plural, shorten, text } from "./texts.js";

/** Who passes over a flag faster than this needs no help with it. */
const PAUSE_MS = 150;
const KEPT = 60;
const FRESH_MS = 60_000;
const FEATURES = 8;
const MARKS = { for: "desk-for", against: "desk-against" };

export class Advice {
  /** @param {HTMLElement} inputs where the card draws the flag's inputs, whose words are marked */
  constructor(inputs) {
    this.inputs = inputs;
    this.known = new Map();
    this.element = h("div", {});
  }

  /** Show the help for a flag, as soon as it is here. */
  turnTo(flag, model) {
    clearTimeout(this.waiting);
    this.flagId = flag.flag_id;
    const known = this.known.get(flag.flag_id);
    this.#draw(flag, model, known?.advice);
    if (known && performance.now() - known.at < FRESH_MS) return;
    this.waiting = setTimeout(() => this.#fetch(flag, model), PAUSE_MS);
  }

  /** Show none. */
  clear() {
    clearTimeout(this.waiting);
    this.flagId = null;
    this.element.replaceChildren();
    unmark();
  }

  /** Help that does not come is no reason to stop deciding: the card stays without it. */
  async #fetch(flag, model) {
    const advice = await get(`flags/${encodeURIComponent(flag.flag_id)}/help`).catch(() => null);
    if (!advice) return;
    this.known.set(flag.flag_id, { advice, at: performance.now() });
    if (this.known.size > KEPT) this.known.delete(this.known.keys().next().value);
    if (this.flagId === flag.flag_id) this.#draw(flag, model, advice);
  }

  #draw(flag, model, advice) {
    unmark();
    const lines = advice ? listLines(advice, flag, model) : [];
    const features = advice?.features?.items.length ? buildFeatures(advice.features, model) : null;
    if (advice?.features) mark(this.inputs, flag, advice.features.items);
    if (!lines.length && !features) return this.element.replaceChildren();
    const title = h("h4", {}, text("desk.advice"), h("small", {}, ` · ${text("desk.advice.hint")}`));
    const section = { class: "desk-advice", "aria-label": text("desk.advice") };
    this.element.replaceChildren(h("section", section, title, ...lines, features));
  }
}

function listLines({ suggestion, similar, newest }, flag, model) {
  const isSaid = flag.labels?.includes(suggestion?.label);
  const said = [
    suggestion && !isSaid && text("desk.advice.suggestion", { who: suggestion.by, label: suggestion.label }),
    similar?.reviewed > 0 && saySimilar(similar, model),
    newest && sayNewest(newest, model),
  ];
  return said.filter(Boolean).map((words) => h("p", {}, words));
}

function saySimilar({ reviewed, corrections }, model) {
  const given = corrections.map(({ answer, flags }) => `${formatCount(flags)} × ${sayAnswer(answer, model)}`);
  return [plural("desk.advice.reviewed", reviewed), given.join(", ")].filter(Boolean).join(": ");
}

function sayAnswer(answer, model) {
  return typeof answer === "number" ? formatValue(answer, model?.unit) : sayOutput(answer);
}

function sayNewest({ version, is_served: isServed, label, confidence, value, output, error }, model) {
  const key = isServed ? "desk.advice.newest" : "desk.advice.newest_unserved";
  const share = formatShare(confidence);
  const answer = error?.split("\n")[0] ?? label ?? (value === null ? sayOutput(output) : sayAnswer(value, model));
  return text(key, { version: formatVersion(version), answer: share ? `${answer} (${share})` : answer });
}

function buildFeatures({ method, label, items }, model) {
  const most = Math.max(...items.map(({ weight }) => Math.abs(weight)));
  const title = label === null ? text("desk.advice.features") : text("desk.advice.features_of", { label });
  const lines = items.slice(0, FEATURES).map((item) => buildFeature(item, Math.abs(item.weight) / most, model));
  return h(
    "details",
    { open: true },
    h("summary", { title: text(`desk.method.${method}`) }, title),
    h("ul", { class: "desk-features" }, ...lines),
  );
}

function buildFeature({ input, text: words, value, row, column, weight }, share, model) {
  const isFor = weight >= 0;
  const said = sayPart({ input, words, value, row, column }, model);
  return h(
    "li",
    {},
    h("span", { class: `desk-feature desk-feature-${isFor ? "for" : "against"}` }, said),
    h("span", { class: "desk-track" }, h("span", { style: { width: `${100 * share}%` } })),
    h("span", { class: "desk-number" }, `${isFor ? "+" : "−"}${formatShare(Math.abs(weight))}`),
    h("span", { class: "desk-unseen" }, text(isFor ? "desk.advice.for" : "desk.advice.against")),
  );
}

/** A part of a text, a place in a picture, or a value. */
function sayPart({ input, words, value, row, column }, model) {
  if (words !== undefined && words !== null) return text("desk.quoted", { words: shorten(words, 60) });
  if (value !== undefined) return `${sayInput(input, model)} = ${sayOutput(value)}`;
  return `${sayInput(input, model)} ↓${row + 1} →${column + 1}`;
}

const sayInput = (input, model) => model?.inputs?.[input]?.label || input;

/** Mark words of the inputs without touching them; where a browser cannot, the list alone says it. */
function mark(inputs, flag, items) {
  if (!CSS.highlights) return;
  const ranges = { for: [], against: [] };
  for (const item of items.filter(({ start }) => start !== undefined)) {
    const range = findRange(inputs, flag.inputs[item.input], item);
    if (range) ranges[item.weight >= 0 ? "for" : "against"].push(range);
  }
  for (const [kind, found] of Object.entries(ranges)) CSS.highlights.set(MARKS[kind], new Highlight(...found));
}

function unmark() {
  Object.values(MARKS).forEach((name) => CSS.highlights?.delete(name));
}

/** Where a part of an input stands on the card; null when that part is folded away. */
function findRange(inputs, words, { start, end }) {
  const [from, to] = [start, end].map((at) => toUnits(words, at));
  const walker = document.createTreeWalker(inputs, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (node.length < to || !words.startsWith(node.data)) continue;
    const range = new Range();
    range.setStart(node, from);
    range.setEnd(node, to);
    return range;
  }
  return null;
}

/** The server counts characters, a text node the halves of some of them as well. */
const toUnits = (words, at) => (/[\uD800-\uDFFF]/.test(words) ? Array.from(words).slice(0, at).join("").length : at);
