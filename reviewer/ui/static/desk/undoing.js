/**
 * Owns the question before an action is taken back. The one rule: it is asked only when the undo meets more than the
 * reviewer can know: later decisions, verdicts, the many flags of an action in a history.
 */

import { get } from "./api.js";
import { confirm } from "./dialogs.js";
import { h } from "./dom.js";
import { formatAgo } from "./format.js";
import { sayDecision } from "./history.js";
import { sayCorrection } from "./pills.js";
import { name, plural, text } from "./texts.js";

/**
 * Whether an action shall be taken back, after the reviewer was told what that meets.
 * @param {HTMLElement} parent
 * @param {import("./store.js").Store} store
 * @param {string} actionId
 * @param {boolean} isOwn whether the reviewer did it in this session, and knows how many flags it was about
 */
export async function askUndo(parent, store, actionId, isOwn) {
  const action = await get(`actions/${encodeURIComponent(actionId)}`).catch(passOver);
  if (!action) return true;
  const { flags, later, later_count: laterCount, verdicts } = action;
  if ((flags < 2 || isOwn) && !laterCount && !verdicts) return true;
  const lines = [
    plural("desk.undo.flags", flags),
    laterCount > 0 && plural("desk.undo.later", laterCount),
    verdicts > 0 && plural("desk.undo.verdicts", verdicts),
  ];
  const said = lines.filter(Boolean).map((line) => h("p", {}, line));
  const decided = later.map((each) => h("li", {}, sayLater(each, store)));
  if (laterCount > later.length) decided.push(h("li", { class: "desk-none" }, plural("desk.more", laterCount - later.length)));
  const title = text("desk.undo.ask", { said: sayDecision(action) });
  return confirm(parent, title, [...said, h("ul", { class: "desk-sample" }, ...decided)], text("desk.undo.confirm"));
}

/** Without an answer there is nothing to tell; the undo waits for the server like every operation. */
function passOver(error) {
  if (!error.isPassing) throw error;
  return null;
}

function sayLater(decided, store) {
  const row = store.row(decided.flag_id);
  const right = sayCorrection(decided, store.models.get(row?.model));
  const what = right ? text("desk.said.corrected", { to: right }) : sayState(decided);
  const said = [decided.reviewer, formatAgo(decided.reviewed_at), what].join(" · ");
  return [row?.preview || decided.flag_id, h("small", {}, said)];
}

const sayState = ({ status, resolution }) => (resolution ? name("resolution", resolution) : name("status", status));
