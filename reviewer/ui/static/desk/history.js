/**
 * Owns the lines that tell what happened to a flag. The one rule: what was taken back stays in sight, struck
 * through and said in words.
 */

import { h } from "./dom.js";
import { formatAgo, formatMoment, formatVersion } from "./format.js";
import { sayFlagger } from "./origin.js";
import { sayCorrection } from "./pills.js";
import { name, text } from "./texts.js";

/**
 * Draw a flag's history, oldest first.
 * @param {Object} flag
 * @param {Object} model
 * @param {(event: Object, said: string) => void} onUndo
 */
export function buildHistory(flag, model, onUndo) {
  const lines = flag.history.map((event, at) => buildEvent(event, model, onUndo, findTaken(flag.history, at)));
  return h(
    "div",
    { class: "desk-history" },
    h("h4", {}, text("desk.history")),
    buildLine(flag.flagged_at, sayFlagged(flag)),
    ...lines,
  );
}

/** What an event decided, in words. */
export function sayDecision(event, model) {
  return SAID[event.event]?.(event, model) || name("event", event.event);
}

const sayAnswer = (event, model) => {
  const right = sayCorrection(event, model);
  return right ? text("desk.said.corrected", { to: right }) : name("resolution", event.value);
};

/** Event → what it did, in words. */
const SAID = {
  resolve: sayAnswer,
  second_review: sayAnswer,
  adjudicate: sayAnswer,
  ask_second: (event) => name("reason", event.value),
  status: (event) => name("status", event.value),
  assign: (event) => event.value,
  comment: (event) => text("desk.quoted", { words: event.value }),
  verify: (event) => name("verification", event.value) + (event.model_version ? ` · ${formatVersion(event.model_version)}` : ""),
};

/** What a person did can be taken back by a person; a verdict follows the decision it is about. */
const isUndoable = (event) => !["revert", "verify"].includes(event.event) && event.action_id && !isVoid(event);

const isVoid = (event) => event.is_undone || event.is_applied === false;

/** Whose a flag was that somebody else takes; null when it was nobody's. */
function findTaken(history, at) {
  const { event: kind, reviewer } = history[at];
  const earlier = history.slice(0, at).filter((event) => !isVoid(event));
  const last = earlier.findLast(({ event }) => OWNING.includes(event));
  const owner = { claim: last?.reviewer, assign: last?.value }[last?.event] ?? null;
  return kind === "claim" && owner !== reviewer ? owner : null;
}

const OWNING = ["claim", "release", "assign", "resolve", "second_review"];

function buildEvent(event, model, onUndo, taken) {
  const from = taken ? ` (${text("desk.said.take_over", { person: taken })})` : "";
  const said = sayEvent(event, model) + from;
  if (!isUndoable(event)) return buildLine(event.reviewed_at, said, isVoid(event));
  const label = `${text("desk.action.undo")}: ${said}`;
  const undo = { type: "button", class: "desk-link", "aria-label": label, onclick: () => onUndo(event, said) };
  return buildLine(event.reviewed_at, said, false, h("button", undo, text("desk.action.undo")));
}

function buildLine(moment, words, isStruck = false, undo = null) {
  const time = h("time", { datetime: moment, title: formatMoment(moment) }, formatAgo(moment));
  return h("div", {}, time, " — ", h("span", { class: isStruck ? "desk-void" : "" }, words), undo);
}

function sayFlagged(flag) {
  return text("desk.history.flagged", { who: sayFlagger(flag), option: name("option", flag.option) });
}

function sayEvent(event, model) {
  const what = SAID[event.event]?.(event, model) ?? "";
  const said = [event.reviewer, name("event", event.event), what].filter(Boolean).join(": ");
  if (event.is_undone) return `${said} (${text("desk.history.undone")})`;
  return event.is_applied === false ? `${said} (${text("desk.history.not_applied")})` : said;
}
