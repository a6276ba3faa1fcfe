/**
 * Owns what the card says of answers by several people. The one rule: it shows only what the server sent, which keeps
 * the first answer back until the second one is given.
 */

import { h } from "./dom.js";
import { sayDecision } from "./history.js";
import { text } from "./texts.js";

/** Events that are one of the answers, in the order they are given. */
const ANSWERS = ["resolve", "second_review", "adjudicate"];

/** Say that a flag waits for another answer, or which answers there are; null for a flag with one. */
export function buildSecond(flag, model, me) {
  if (!flag.second_review) return null;
  const isOwn = flag.first_reviewer === me;
  if (flag.second_review === "waiting") return note(h("b", {}, text(isOwn ? "desk.second.own" : "desk.second.blind")));
  const answers = listAnswers(flag.history ?? []).map((event) => h("li", {}, h("b", {}, event.reviewer), ": ", sayDecision(event, model)));
  return note(h("b", {}, text(`desk.second.${flag.second_review}`)), h("ul", {}, ...answers));
}

/** The answers that stand, the last one of each kind. */
function listAnswers(history) {
  const standing = history.filter((event) => !event.is_undone && event.is_applied !== false);
  return ANSWERS.map((kind) => standing.findLast(({ event }) => event === kind)).filter(Boolean);
}

const note = (...children) => h("div", { class: "desk-note desk-second" }, ...children);
