/**
 * Owns how an example's inputs are drawn on a card. The one rule: they are shown whole and as the model saw them;
 * nothing is rounded, shortened or interpreted.
 */

import { h } from "./dom.js";

const PIXEL_ART = 96;
const LONG_TEXT = 80;

/** Draw a flag's inputs: images and long texts as blocks, the rest as a table of names and values. */
export function buildInputs(flag, model) {
  const entries = Object.entries(flag.inputs).map(([key, value]) => ({
    label: model?.inputs?.[key]?.label ?? key,
    value,
  }));
  const isOnly = entries.length === 1;
  const isBlock = ({ value }) => isOnly || isImage(value) || sayInput(value).length > LONG_TEXT;
  const blocks = entries.filter(isBlock).map((entry) => buildBlock(entry, isOnly));
  const rows = entries.filter((entry) => !isBlock(entry)).map(buildRow);
  return h("div", {}, ...blocks, rows.length > 0 && h("table", { class: "desk-table" }, h("tbody", {}, ...rows)));
}

/** Draw the whole answer of a model that gives neither a label nor a number. */
export const buildOutput = (output) => h("pre", { class: "desk-say" }, sayInput(output));

function buildBlock({ label, value }, isOnly) {
  const shown = isImage(value) ? buildImage(value, label) : h("div", { class: "desk-say" }, sayInput(value));
  return isOnly ? shown : h("figure", {}, h("figcaption", {}, label), shown);
}

const buildRow = ({ label, value }) => h("tr", {}, h("th", { scope: "row" }, label), h("td", {}, sayInput(value)));

const isImage = (value) => Boolean(value) && typeof value === "object" && typeof value.url === "string";

/** A digit of 8 × 8 pixels is enlarged without blurring it; a photograph is not. */
function buildImage({ url }, label) {
  const isSmall = ({ naturalWidth, naturalHeight }) => Math.max(naturalWidth, naturalHeight) <= PIXEL_ART;
  const onload = ({ target }) => target.classList.toggle("desk-pixels", isSmall(target));
  return h("img", { class: "desk-image", src: url, alt: label, onload });
}

function sayInput(value) {
  if (value === null || value === undefined) return "—";
  return typeof value === "object" ? JSON.stringify(value, null, 2) : String(value);
}
