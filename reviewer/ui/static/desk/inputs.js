/**
 * Owns how an example's inputs and a model's answers are laid out on a card. The one rule: they stand under the
 * names that people know from the test tab, in the model's own order.
 */

import { h } from "./dom.js";
import { text } from "./texts.js";
import { buildValue, buildWords, isBlock } from "./values.js";

/** Draw a flag's inputs: pictures, tables and long texts as blocks, the rest as names and values. */
export const buildInputs = (flag, model) => buildFields(flag.inputs, model?.inputs);

/** Draw what the model answered beside a label and a number; nothing when that was all. */
export function buildOutputs(flag, model) {
  const isRest = flag.predicted_label !== null || flag.predicted_value !== null;
  return buildAnswers(flag.outputs, model, text(isRest ? "desk.outputs" : "desk.answer"));
}

/** Draw the right answer of a model that gives neither a label nor a number; nothing when there is none. */
export function buildRightOutput(flag, model) {
  const output = flag.corrected_output ?? null;
  if (output === null) return null;
  return buildAnswers(splitOutput(output, model), model, text("desk.right_output"), "desk-right");
}

/** Draw why the model gave no answer; the traceback is for those who open it. */
export function buildFailure(flag) {
  if (!flag.error) return null;
  const [sentence, ...rest] = flag.error.split("\n\n");
  const trace = rest.join("\n\n");
  const details =
    trace && h("details", {}, h("summary", {}, text("desk.traceback")), h("pre", { class: "desk-trace" }, trace));
  return h("div", { class: "desk-failure desk-bad", role: "note" }, h("p", {}, sentence), details);
}

/** A right output has the form of `output`: the only output of the model, or several by name. */
function splitOutput(output, model) {
  const names = Object.keys(model?.outputs ?? {});
  const isSeveral = names.length > 1 && typeof output === "object" && !Array.isArray(output);
  return isSeveral ? output : { [names[0] ?? "output"]: output };
}

function buildAnswers(values, model, title, style = "") {
  if (!Object.keys(values ?? {}).length) return null;
  const section = { class: `desk-answers ${style}`, "aria-label": title };
  return h("section", section, h("h4", {}, title), buildFields(values, model?.outputs));
}

function buildFields(values, specs = {}) {
  const fields = Object.entries(values).map(([key, value]) => ({ ...describe(specs[key], key), value }));
  const isOnly = fields.length === 1;
  const isTall = ({ value, component }) => isOnly || isBlock(value, component);
  const blocks = fields.filter(isTall).map((field) => buildField(field, isOnly));
  const rows = fields.filter((field) => !isTall(field)).map(buildRow);
  return h("div", {}, ...blocks, rows.length > 0 && h("table", { class: "desk-table" }, h("tbody", {}, ...rows)));
}

const describe = (spec, key) => ({ label: nameField(key, spec), component: spec?.component });

/** What people call an input or an output: its label, else its name as on the test tab, "Body mass". */
export const nameField = (key, spec) => spec?.label || sayName(key);

function sayName(key) {
  const words = key.replaceAll("_", " ");
  return words[0].toUpperCase() + words.slice(1).toLowerCase();
}

function buildField({ label, component, value }, isOnly) {
  const shown = buildValue(value, label, component);
  return isOnly ? shown : h("figure", {}, h("figcaption", {}, label), shown);
}

function buildRow({ label, value }) {
  return h("tr", {}, h("th", { scope: "row" }, label), h("td", {}, ...buildWords(value)));
}
