/**
 * Owns the words of the desk in the browser's language. The one rule: a missing text shows its key's
 * last word, so that a value newer than the texts stays readable.
 */

const LANGUAGES = ["en", "ru"];

export const language = pickLanguage(navigator.languages);

let texts = {};
const plurals = new Intl.PluralRules(language);
const numbers = new Intl.NumberFormat(language);

/** Load the texts once, before anything is drawn. */
export async function loadTexts() {
  const answer = await fetch(new URL(`../../texts/${language}.json`, import.meta.url));
  texts = await answer.json();
}

/** Whether there is such a text. */
export const hasText = (key) => key in texts;

/** Return a text with its `{name}` placeholders filled. */
export function text(key, values = {}) {
  const found = texts[key] ?? key.split(".").pop().replaceAll("_", " ");
  return found.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/** Return the plural form of a text for `count`; `{count}` is filled with the number as people write it. */
export function plural(key, count, values = {}) {
  const form = `${key}.${plurals.select(count)}`;
  return text(form in texts ? form : `${key}.other`, { ...values, count: numbers.format(count) });
}

/** Return a text on one line, cut to what a line of the desk holds. */
export function shorten(words, most = 120) {
  const line = words.slice(0, 4 * most).replace(/\s+/g, " ").trim();
  return line.length > most ? `${Array.from(line).slice(0, most).join("")}…` : line;
}

/** Return what people call a value of `status`, `resolution`, `verification`, `option`, `source`, `rule` or `event`. */
export function name(kind, value) {
  return text(`${kind}.${value}`);
}

function pickLanguage(wanted) {
  const known = wanted.map((tag) => tag.slice(0, 2).toLowerCase()).find((tag) => LANGUAGES.includes(tag));
  return known ?? "en";
}
