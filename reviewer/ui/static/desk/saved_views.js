/**
 * Owns the views that people saved: filters and order under a name. The one rule: only what the server has kept
 * stands in the list.
 */

import { post, remove } from "./api.js";
import { openDialog } from "./dialogs.js";
import { h, keycap } from "./dom.js";
import { readFilters, writeQuery } from "./filters.js";
import { KEYS, listShortcuts } from "./keys.js";
import { text } from "./texts.js";

const LONGEST_NAME = 80;

export class SavedViews {
  /**
   * @param {import("./store.js").Store} store
   * @param {(action: string) => void} perform
   */
  constructor(store, perform) {
    Object.assign(this, { store, perform });
    /** @type {{ view_id: string, name: string, query: string, owner: string, is_shared: boolean }[]} */
    this.views = [];
    this.element = h("div", { class: "desk-group", role: "group", "aria-label": text("desk.saved_views") });
  }

  render() {
    const now = toQuery(this.store.filters);
    const shown = JSON.stringify([this.views, now]);
    if (shown === this.shown) return;
    this.shown = shown;
    const properties = { type: "button", class: "desk-link", "aria-keyshortcuts": listShortcuts("save_view") };
    const save = h("button", { ...properties, onclick: () => this.perform("save_view") }, text("desk.save_view"), keycap(KEYS.save_view?.[0]));
    const lines = this.views.map((view) => this.#buildLine(view, now));
    this.element.replaceChildren(h("h4", {}, text("desk.saved_views")), ...lines, save);
  }

  /** Let the reviewer save what is looked at under a name. */
  openNew(parent) {
    const query = toQuery(this.store.filters);
    this.#openForm(parent, { name: "", is_shared: false, query }, text("desk.save_view"));
  }

  #buildLine(view, now) {
    const choose = () => this.store.setFilters(readFilters(`?${view.query}`));
    const isOn = toQuery(readFilters(`?${view.query}`)) === now;
    const isOwn = view.owner === this.store.person;
    const title = isOwn ? view.name : text("desk.view_of", { name: view.name, owner: view.owner });
    const properties = { type: "button", class: "desk-entry", "aria-pressed": String(isOn), title, onclick: choose };
    const mark = view.is_shared && h("span", { class: "desk-number" }, text("desk.shared"));
    const entry = h("button", properties, h("span", { class: "desk-entry-name" }, view.name), mark);
    return h("div", { class: "desk-saved" }, entry, isOwn && this.#buildEdit(view));
  }

  #buildEdit(view) {
    const label = text("desk.edit_view", { name: view.name });
    const onclick = ({ target }) => this.#openForm(target.closest(".desk"), view, label);
    return h("button", { type: "button", class: "desk-link", "aria-label": label, title: label, onclick }, "✎");
  }

  #openForm(parent, view, title) {
    const name = h("input", { class: "desk-field", required: true, maxlength: LONGEST_NAME, value: view.name, autofocus: true });
    const isShared = h("input", { type: "checkbox", checked: view.is_shared });
    const isRenewed = h("input", { type: "checkbox" });
    const problem = h("p", { class: "desk-bad", role: "alert" });
    const send = async (call) => {
      try {
        await call();
        dialog.close();
      } catch (error) {
        problem.textContent = error.message;
      }
    };
    const onsubmit = (event) => {
      event.preventDefault();
      const query = isRenewed.checked ? toQuery(this.store.filters) : view.query;
      send(() => this.#save({ view_id: view.view_id, name: name.value.trim(), query, is_shared: isShared.checked }));
    };
    const drop = { type: "button", class: "desk-button", onclick: () => send(() => this.#remove(view)) };
    const buttons = [
      h("button", { class: "desk-button desk-main" }, text("desk.save"), keycap("Enter")),
      view.view_id && h("button", drop, text("desk.delete")),
    ];
    const fields = [
      h("label", {}, text("desk.view_name"), name),
      h("label", { class: "desk-tick" }, isShared, text("desk.view_shared")),
      view.view_id && h("label", { class: "desk-tick" }, isRenewed, text("desk.view_renewed")),
    ];
    const form = h("form", { class: "desk-form", onsubmit }, ...fields, problem, h("footer", {}, ...buttons));
    const dialog = openDialog(parent, title, [form]);
  }

  async #save(view) {
    const saved = await post("views", view);
    const others = this.views.filter(({ view_id: id }) => id !== saved.view_id);
    this.#take([...others, saved]);
  }

  async #remove({ view_id: id }) {
    await remove(`views/${encodeURIComponent(id)}`);
    this.#take(this.views.filter((each) => each.view_id !== id));
  }

  #take(views) {
    this.views = views.sort((one, other) => one.name.localeCompare(other.name));
    this.render();
  }
}

/** A saved random order is drawn anew for each visit. */
const toQuery = (filters) => writeQuery({ ...filters, seed: null });
