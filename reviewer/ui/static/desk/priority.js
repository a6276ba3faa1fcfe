/**
 * Owns how a flag's priority is explained. The one rule: every point of it is named.
 */

import { h } from "./dom.js";
import { formatCount, formatShare, formatValue } from "./format.js";
import { name, plural, text } from "./texts.js";

/** The priority and what it is made of, in one line. */
export function sayPriority(row) {
  const parts = row.priority_parts.map(sayPart).join("; ");
  return `${sayTotal(row)}${parts && `: ${parts}`}`;
}

/** Draw the priority; opened, it says what it is made of. */
export function buildPriority(flag) {
  if (!flag.priority_parts?.length) return null;
  const parts = flag.priority_parts.map((part) => h("li", {}, sayPart(part)));
  const summary = h("summary", { title: sayPriority(flag) }, sayTotal(flag));
  return h("details", { class: "desk-priority" }, summary, h("ul", {}, ...parts));
}

const sayTotal = ({ priority }) => text("desk.priority", { points: formatCount(Math.round(priority)) });

/** Part of the priority → what stands behind its points. */
const PARTS = {
  severity: ({ severity }) => text("desk.priority.severity", { severity: severity ? name("severity", severity) : text("desk.none") }),
  reports: ({ flags }) => plural("desk.priority.reports", flags),
  wrong: ({ wrong, reviewed }) => {
    if (!reviewed) return text("desk.priority.wrong_unknown");
    return text("desk.priority.wrong", { wrong: formatCount(wrong), reviewed: formatCount(reviewed) });
  },
  confidence: ({ confidence, says_wrong: saysWrong }) => {
    if (confidence === null) return text("desk.priority.confidence_unknown");
    return text(`desk.priority.${saysWrong ? "sure" : "unsure"}`, { confidence: formatShare(confidence) });
  },
};

const sayPart = ({ name: part, points, said }) => `${PARTS[part]?.(said) ?? part}: +${formatValue(points)}`;
