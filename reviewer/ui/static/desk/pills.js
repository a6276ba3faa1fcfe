/**
 * Owns the short marks that queue and card share. The one rule: a mark says in words what its colour says.
 */

import { h } from "./dom.js";
import { formatClock, formatValue } from "./format.js";
import { name, shorten, text } from "./texts.js";

const TONES = {
  prediction_correct: "ok",
  label_corrected: "ok",
  fixed: "ok",
  still_failing: "bad",
  regressed: "bad",
  inconclusive: "warn",
  needs_info: "warn",
  second_review: "warn",
  disagreement: "bad",
};

/** A small rounded mark; `tone` is ok, bad, warn or nothing. */
export function pill(words, tone = "", title = words) {
  return h("span", { class: `desk-pill ${tone && `desk-${tone}`}`, title }, words);
}

/** What the model said: its label, or its value; the unit is in the hint. */
export function predictionPill(flag, model) {
  const words = sayPrediction(flag);
  return words === "" ? null : pill(words, "bad", text("desk.predicted", { label: sayPrediction(flag, model) }));
}

/** The predicted label or value in words; "" for a model that gives neither. */
export function sayPrediction(flag, model) {
  if (flag.predicted_label !== null) return flag.predicted_label;
  return flag.predicted_value === null ? "" : formatValue(flag.predicted_value, model?.unit);
}

/** What people decided: the right answer, or the resolution. */
export function resolutionPill(flag, model) {
  if (!flag.resolution) return null;
  const right = sayCorrection(flag, model);
  const words = right ? `→ ${right}` : name("resolution", flag.resolution);
  return pill(words, TONES[flag.resolution], name("resolution", flag.resolution));
}

/** The right answer in words, an output shortened; "" when there is none. */
export function sayCorrection(flag, model) {
  if (flag.corrected_label !== null && flag.corrected_label !== undefined) return flag.corrected_label;
  const { corrected_value: value = null, corrected_output: output = null } = flag;
  if (value !== null) return formatValue(value, model?.unit);
  return output === null ? "" : sayOutput(output);
}

/** An output in a few words. */
export const sayOutput = (output) => shorten(typeof output === "string" ? output : JSON.stringify(output));

/** What the machine found when a later version ran the example again. */
export function verificationPill(flag) {
  if (!flag.verification || flag.verification === "not_run") return null;
  const version = flag.verified_version ? ` · v${flag.verified_version}` : "";
  return pill(name("verification", flag.verification) + version, TONES[flag.verification]);
}

/** Whether the time of a claim is over, so that anybody may take the flag. */
export const isOver = ({ claimed_until: until }) => Boolean(until) && Date.parse(until) <= Date.now();

/** Whose the flag is, and whether still. */
export function assigneePill(flag) {
  const { assignee: person, claimed_until: until } = flag;
  if (!person) return null;
  if (isOver(flag)) return pill(`@${person} · ${text("desk.claim.over")}`, "warn", text("desk.claim.over_hint", { person }));
  const hint = until ? text("desk.claim.until", { person, time: formatClock(until) }) : text("desk.assigned", { person });
  return pill(`@${person}`, "", hint);
}

/** Where people stand with a flag that is neither untouched nor decided. */
export const progressPill = (flag) => (["open", "resolved"].includes(flag.status) ? null : statusPill(flag));

export const statusPill = (flag) => pill(name("status", flag.status), TONES[flag.status]);
