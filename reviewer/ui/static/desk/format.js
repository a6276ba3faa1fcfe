/**
 * Owns how numbers and times are written. The one rule: a model's own input values are never
 * reformatted here; they are shown as they were sent.
 */

import { language } from "./texts.js";

const AGES = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

const counts = new Intl.NumberFormat(language);
const fractions = new Intl.NumberFormat(language, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const values = new Intl.NumberFormat(language, { maximumSignificantDigits: 5 });
const moments = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
const clocks = new Intl.DateTimeFormat(language, { timeStyle: "short" });
const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });
const lengths = Object.fromEntries(
  AGES.map(([unit]) => [unit, new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "short" })]),
);

/** 1284 → "1,284". */
export const formatCount = (count) => counts.format(count);

/** 0.4312 → "0.43"; nothing for a model that gives no probability. */
export const formatShare = (share) => (share === null || share === undefined ? "" : fractions.format(share));

/** 151.20384 → "151.2", with its unit when it has one. */
export const formatValue = (value, unit = "") => `${values.format(value)}${unit ? ` ${unit}` : ""}`;

/** "3" → "v3"; a version that is no number is its own name. */
export const formatVersion = (version) => (/^\d/.test(version) ? `v${version}` : version);

/** An ISO time → "Nov 23, 2026, 1:06 AM" in the reader's time zone. */
export const formatMoment = (iso) => moments.format(new Date(iso));

/** An ISO time → "1:06 AM" in the reader's time zone. */
export const formatClock = (iso) => clocks.format(new Date(iso));

/** An ISO time → "5 min": how old it is, short enough for a column. */
export function formatAge(iso) {
  const [unit, count] = measureAge(iso);
  return count ? lengths[unit].format(count) : relative.format(0, "second");
}

/** An ISO time → "5 min. ago". */
export function formatAgo(iso) {
  const [unit, count] = measureAge(iso);
  return count ? relative.format(-count, unit) : relative.format(0, "second");
}

function measureAge(iso) {
  const seconds = Math.max(0, (Date.now() - Date.parse(iso)) / 1000);
  const [unit, length] = AGES.find(([, each]) => seconds >= each) ?? ["minute", 60];
  return [unit, Math.floor(seconds / length)];
}
