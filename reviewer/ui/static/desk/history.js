/**
 * Owns the lines that tell what happened to a flag. The one rule: what was taken back stays in sight, struck
 * through and said in words.
 */

import { h } from "./dom.js";
import { formatAgo, formatMoment } from "./format.js";
import { sayFlagger } from "./origin.js";
import { sayCorrection } from "./pills.js";
import { name, text } from "./texts.js";

/** Draw a flag's history, oldest first. */
export function buildHistory(flag, model) {
  const lines = flag.history.map((event) => buildLine(event.reviewed_at, sayEvent(event, model), isVoid(event)));
  return h(
    "div",
    { class: "desk-history" },
    h("h4", {}, text("desk.history")),
    buildLine(flag.flagged_at, sayFlagged(flag)),
    ...lines,
  );
}

/** Event → what it did, in words. */
const SAID = {
  resolve: (event, model) => {
    const right = sayCorrection(event, model);
    return right ? text("desk.said.corrected", { to: right }) : name("resolution", event.value);
  },
  status: (event) => name("status", event.value),
  comment: (event) => text("desk.quoted", { words: event.value }),
  verify: (event) => name("verification", event.value) + (event.model_version ? ` · v${event.model_version}` : ""),
  revert: () => "",
};

const isVoid = (event) => event.is_undone || event.is_applied === false;

function buildLine(moment, words, isStruck = false) {
  const time = h("time", { datetime: moment, title: formatMoment(moment) }, formatAgo(moment));
  return h("div", {}, time, " — ", h("span", { class: isStruck ? "desk-void" : "" }, words));
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
