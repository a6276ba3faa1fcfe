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
  const lines = flag.history.map((event) => buildEvent(event, model, onUndo));
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

/** Event → what it did, in words. */
const SAID = {
  resolve: (event, model) => {
    const right = sayCorrection(event, model);
    return right ? text("desk.said.corrected", { to: right }) : name("resolution", event.value);
  },
  status: (event) => name("status", event.value),
  assign: (event) => event.value,
  comment: (event) => text("desk.quoted", { words: event.value }),
  verify: (event) => name("verification", event.value) + (event.model_version ? ` · ${formatVersion(event.model_version)}` : ""),
};

/** What a person did can be taken back by a person; a verdict follows the decision it is about. */
const isUndoable = (event) => !["revert", "verify"].includes(event.event) && event.action_id && !isVoid(event);

const isVoid = (event) => event.is_undone || event.is_applied === false;

function buildEvent(event, model, onUndo) {
  const said = sayEvent(event, model);
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
