/**
 * Owns how one stored value is drawn, whatever its kind: a text, a picture, a recording, a file, a table, a plot.
 * The one rule: it is shown exactly as it is stored, nothing rounded or interpreted; what is long can be unfolded.
 */

import { h } from "./dom.js";
import { foldList, foldText } from "./folds.js";
import { text } from "./texts.js";

const PIXEL_ART = 96;
const PICTURES = ["png", "jpg", "webp", "gif"];
const SOUNDS = ["wav", "mp3", "flac", "ogg"];
const LONG_TEXT = 80;
const CELLS = 4_000;
const PIECES = 1_000;

/** Kind of value → how it is drawn; the first that fits counts. What fits none is a text, a number, yes or no. */
const KINDS = [
  [(value, component) => component === "json" && value !== null, buildJson],
  [(value, component) => component === "highlighted_text" && isList(value, isPiece), buildHighlights],
  [(value, component) => component === "label" && isObject(value), buildScores],
  [(value) => isMedia(value, PICTURES), buildPicture],
  [(value) => isMedia(value, SOUNDS), buildSound],
  [(value) => isMedia(value), buildFile],
  [(value) => isObject(value) && isList(value.columns) && isList(value.rows, Array.isArray), buildGrid],
  [(value) => isObject(value) && isObject(value.plotly), buildPlot],
  [(value) => isObject(value) && !isList(value, isText), buildJson],
];

/** Draw a value; `label` names it for those who cannot see it, `component` says what it is meant as. */
export function buildValue(value, label, component) {
  const build = findBuilder(value, component);
  return build ? build(value, label) : h("div", { class: "desk-say" }, ...buildWords(value));
}

/** Draw a value that is no block, as nodes for a cell. */
export function buildWords(value) {
  if (value === null || value === undefined) return [aside(text("desk.left_empty"))];
  if (value === "") return [aside(text("desk.empty_text"))];
  if (typeof value === "boolean") return [text(value ? "desk.yes" : "desk.no")];
  if (!Array.isArray(value)) return foldText(String(value));
  if (!value.length) return [aside(text("desk.none_chosen"))];
  return foldList(value, (each) => h("span", { class: "desk-choice" }, each), PIECES);
}

/** Whether the value needs a place of its own, instead of a cell beside its name. */
export function isBlock(value, component) {
  const isLong = isText(value) && (value.length > LONG_TEXT || value.includes("\n"));
  return isLong || Boolean(findBuilder(value, component));
}

const findBuilder = (value, component) => KINDS.find(([fits]) => fits(value, component))?.[1];

const isText = (value) => typeof value === "string";

const isObject = (value) => Boolean(value) && typeof value === "object";

const isList = (value, fits = () => true) => Array.isArray(value) && value.every((each) => fits(each));

const isPiece = (piece) => Array.isArray(piece) && piece.length === 2 && isText(piece[0]);

const aside = (words) => h("span", { class: "desk-none" }, words);

function isMedia(value, endings) {
  const isStored = isObject(value) && isText(value.media) && isText(value.url);
  return isStored && (!endings || endings.includes(value.media.split(".").pop()));
}

/** A digit of 8 × 8 pixels is enlarged without blurring it; a photograph is not. */
function buildPicture({ url }, label) {
  const isSmall = ({ naturalWidth, naturalHeight }) => Math.max(naturalWidth, naturalHeight) <= PIXEL_ART;
  const onload = ({ target }) => target.classList.toggle("desk-pixels", isSmall(target));
  return h("img", { class: "desk-image", src: url, alt: label, onload });
}

function buildSound({ url }, label) {
  const properties = { class: "desk-sound", src: url, controls: true, preload: "metadata" };
  return h("audio", { ...properties, "aria-label": label });
}

function buildFile({ url, media, name }) {
  const shown = name || media;
  return h("a", { class: "desk-file", href: url, download: shown }, text("desk.download", { name: shown }));
}

function buildJson(value) {
  return h("div", { class: "desk-say desk-json" }, ...foldText(JSON.stringify(value, null, 2)));
}

function buildGrid({ columns, rows }, label) {
  const head = h("tr", {}, ...columns.map((column) => h("th", { scope: "col" }, String(column))));
  const most = Math.max(10, Math.floor(CELLS / Math.max(columns.length, 1)));
  const wrap = (button) => h("tr", {}, h("td", { colspan: columns.length }, button));
  const lines = foldList(rows, buildLine, most, wrap);
  const grid = h("table", { class: "desk-grid" }, h("thead", {}, head), h("tbody", {}, ...lines));
  return h("div", { class: "desk-scroll", tabindex: "0", role: "region", "aria-label": label }, grid);
}

const buildLine = (row) => h("tr", {}, ...row.map(buildCell));

/** An empty text stays an empty cell. */
function buildCell(cell) {
  if (cell === "") return h("td", {});
  if (cell === null) return h("td", {}, aside("—"));
  return h("td", {}, ...(isObject(cell) ? foldText(JSON.stringify(cell)) : buildWords(cell)));
}

/** A plot is drawn in a frame that may run the plotting library and reach nothing else. */
function buildPlot({ plotly }, label) {
  const frame = h("iframe", { class: "desk-plot", sandbox: "allow-scripts", title: label, src: PLOT_PAGE });
  frame.addEventListener("load", () => sendFigure(frame, plotly), { once: true });
  return frame;
}

/** The frame answers only when it fails; then the figure is shown as it is stored. */
function sendFigure(frame, plotly) {
  const { port1, port2 } = new MessageChannel();
  const explain = (reason) => h("p", { class: "desk-bad" }, text("desk.plot_failed", { reason }));
  port1.onmessage = ({ data }) => frame.replaceWith(explain(data), buildJson(plotly));
  frame.contentWindow.postMessage(plotly, "*", [port2]);
}

const PLOT_PAGE = new URL("../plot.html", import.meta.url).href;

function buildHighlights(pieces) {
  return h("div", { class: "desk-say" }, ...foldList(pieces, buildPiece, PIECES));
}

function buildPiece([words, mark]) {
  if (mark === null) return h("span", {}, words);
  return h("mark", { class: "desk-highlight" }, words, h("small", {}, ` ${mark}`));
}

function buildScores(scores) {
  return h("div", { class: "desk-labels" }, ...foldList(Object.entries(scores), buildScore, PIECES));
}

function buildScore([label, share]) {
  return h(
    "div",
    { class: "desk-label desk-score" },
    h("span", { class: "desk-label-name" }, label),
    h("span", { class: "desk-track" }, h("span", { style: { width: `${100 * share}%` } })),
    h("span", { class: "desk-number" }, String(share)),
  );
}
