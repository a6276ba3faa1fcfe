/**
 * Owns the pane of labels: what can be chosen, changing it, and taking changes back. The one rule: a change says which
 * state was seen, so that of two admins at one label the second is told what the first did.
 */

import { get, post } from "../desk/api.js";
import { h } from "../desk/dom.js";
import { formatMoment } from "../desk/format.js";
import { newId } from "../desk/operations.js";
import { text } from "../desk/texts.js";
import { button, field, mountPane, select } from "./pane.js";

const PARTS = ["label", "option"];
const NO_COLOR = "#888888";

/** Fill the element with the pane. */
export const mount = (element) => mountPane(element, (root, tell) => new Labels(root, tell));

class Labels {
  constructor(root, tell) {
    Object.assign(this, { root, tell, model: null, part: "label", models: [] });
    root.addEventListener("keydown", (event) => this.#onKey(event));
  }

  async load() {
    this.models = (await get("models")).models;
    this.model ??= this.models[0]?.name ?? null;
    if (this.model) await this.#show();
  }

  async #show() {
    this.labels = await get(`models/${this.model}/labels`, { part: this.part });
    this.#draw();
  }

  /** Make a change; a refused one is told, and the pane shows what is there now. */
  async #change(change) {
    await this.#send("labels", { change_id: newId(), part: this.part, seq: this.labels.seq, ...change });
  }

  async #undo(changeId) {
    await this.#send("labels/undo", { change_id: changeId });
  }

  async #send(path, body) {
    try {
      this.labels = await post(`models/${this.model}/${path}`, body);
      this.tell(text("labels.done"));
      this.#draw();
    } catch (error) {
      this.tell(error.message, true);
      await this.#show().catch(() => {}); // the sentence of the refusal stays
    }
  }

  #onKey(event) {
    const isUndo = event.key.toLowerCase() === "z" && (event.ctrlKey || event.metaKey) && event.target.tagName !== "INPUT";
    const last = this.#listStanding().at(-1);
    if (!isUndo || !last || !this.labels.may_change) return;
    event.preventDefault();
    this.#undo(last.change_id);
  }

  #listStanding() {
    return (this.labels?.changes ?? []).filter(({ change, is_undone: isUndone }) => change !== "revert" && !isUndone);
  }

  #draw() {
    const { may_change: mayChange } = this.labels;
    this.root.replaceChildren(
      this.#buildBar(),
      h("p", { class: "team-hint" }, text(mayChange ? "labels.hint" : "labels.hint.reader")),
      this.#buildNames(),
      mayChange && this.#buildAdd(),
      this.#buildEnded(),
      this.#buildChanges(),
    );
  }

  #buildBar() {
    const models = this.models.map(({ name, title }) => [name, title]);
    const parts = PARTS.map((part) => [part, text(`labels.part.${part}`)]);
    const choose = (change) => {
      Object.assign(this, change);
      this.tell("");
      return this.#show().catch((error) => this.tell(error.message, true));
    };
    return h(
      "div",
      { class: "team-bar" },
      field(text("test.model"), select(models, this.model, (model) => choose({ model }))),
      field(text("labels.part"), select(parts, this.part, (part) => choose({ part }))),
    );
  }

  #buildNames() {
    return h("ul", { class: "team-list", "aria-label": text("labels.names") }, ...this.labels.names.map((each) => this.#buildName(each)));
  }

  #buildName({ name, color, key }) {
    const { may_change: mayChange } = this.labels;
    const actions = ["rename", "merge", "split", "retire"].map((action) =>
      button(text(`labels.${action}`), () => this.#ask(action, name), { "aria-label": text(`labels.${action}.of`, { name }) }),
    );
    return h(
      "li",
      { class: "team-row", "data-name": name },
      this.part === "label" && this.#buildColor(name, color, key),
      h("b", { class: "team-name" }, sayName(this.part, name)),
      this.part === "label" && this.#buildKey(name, color, key),
      h("span", { class: "team-actions" }, ...(mayChange ? actions : [])),
    );
  }

  #buildColor(name, color, key) {
    const onchange = (event) => this.#change({ change: "style", name, color: event.target.value, key });
    const words = text("labels.color.of", { name });
    const properties = { type: "color", class: "team-color", value: color || NO_COLOR, "aria-label": words, title: words };
    return h("input", { ...properties, onchange, disabled: !this.labels.may_change });
  }

  #buildKey(name, color, key) {
    const onchange = (event) => this.#change({ change: "style", name, color, key: event.target.value.trim().toLowerCase() });
    const words = text("labels.key.of", { name });
    const properties = { class: "team-input team-key", maxlength: 1, value: key, placeholder: "–", "aria-label": words, title: words };
    return h("input", { ...properties, onchange, disabled: !this.labels.may_change });
  }

  #buildAdd() {
    const input = h("input", { class: "team-input", required: true, maxlength: 200, placeholder: text("labels.new"), "aria-label": text("labels.new") });
    const onsubmit = (event) => {
      event.preventDefault();
      this.#change({ change: "add", added: [input.value.trim()] });
    };
    const add = h("button", { class: "team-button team-main" }, text("labels.add"));
    return h("form", { class: "team-bar", onsubmit }, input, add);
  }

  /** Ask for what a change needs, in a form below the label. */
  #ask(action, name) {
    const row = this.root.querySelector(`[data-name="${CSS.escape(name)}"]`);
    this.root.querySelector(".team-form")?.remove();
    const { fields, read } = this.#buildFields(action, name);
    const cancel = button(text("labels.cancel"), () => form.remove());
    const onsubmit = (event) => {
      event.preventDefault();
      this.#change({ change: action, name, ...read() });
    };
    const onkeydown = (event) => event.key === "Escape" && form.remove();
    const submit = h("button", { class: "team-button team-main" }, text(`labels.${action}`));
    const form = h(
      "form",
      { class: "team-form", onsubmit, onkeydown },
      h("p", {}, text(`labels.${action}.hint`, { name })),
      ...fields,
      submit,
      cancel,
    );
    row.append(form);
    (form.querySelector("input, textarea, select") ?? submit).focus();
  }

  /** The fields of a change, and how they are read. */
  #buildFields(action, name) {
    const others = this.labels.names.map((each) => each.name).filter((each) => each !== name);
    if (action === "rename") {
      const input = h("input", { class: "team-input", value: name, required: true, maxlength: 200, "aria-label": text("labels.new") });
      return { fields: [input], read: () => ({ added: [input.value.trim()] }) };
    }
    if (action === "merge") {
      const boxes = others.map((each) => h("input", { type: "checkbox", value: each }));
      const fields = boxes.map((box) => h("label", { class: "team-box" }, box, " ", sayName(this.part, box.value)));
      return { fields, read: () => ({ names: boxes.filter(({ checked }) => checked).map(({ value }) => value) }) };
    }
    if (action === "split") {
      const area = h("textarea", { class: "team-input", rows: 3, required: true, "aria-label": text("labels.split.into") });
      return { fields: [area], read: () => sortNames(area.value, others) };
    }
    return { fields: [], read: () => ({}) };
  }

  #buildEnded() {
    const { ended } = this.labels;
    return ended.length ? h("p", { class: "team-hint" }, text("labels.ended", { names: ended.join(", ") })) : "";
  }

  #buildChanges() {
    const { changes, may_change: mayChange } = this.labels;
    if (!changes.length) return "";
    const lines = changes.toReversed().map((each) =>
      h(
        "li",
        { class: each.is_undone ? "team-row team-undone" : "team-row" },
        h("time", { datetime: each.changed_at }, formatMoment(each.changed_at)),
        h("span", { class: "team-name" }, `${each.person || text("labels.somebody")}: ${sayChange(this.part, each)}`),
        mayChange && each.change !== "revert" && !each.is_undone && button(text("labels.undo"), () => this.#undo(each.change_id)),
      ),
    );
    return h("section", {}, h("h4", {}, text("labels.changes")), h("ul", { class: "team-list" }, ...lines));
  }
}

/** An option that ships with the program has a name in each language. */
function sayName(part, name) {
  const key = `option.${name}`;
  return part === "option" && /^[a-z_]+$/.test(name) ? text(key) : name;
}

/** The names of a split, one a line: those that are there already, and new ones. */
function sortNames(lines, known) {
  const names = lines.split("\n").map((each) => each.trim()).filter(Boolean);
  return { added: names.filter((each) => !known.includes(each)), names: names.filter((each) => known.includes(each)) };
}

function sayChange(part, { change, name, names, added }) {
  const say = (each) => each.map((one) => sayName(part, one)).join(", ");
  return text(`labels.said.${change}`, { name: sayName(part, name ?? ""), names: say(names), added: say([...added, ...names]) });
}
