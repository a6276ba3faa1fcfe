/**
 * Owns the pane of the audit: who did what, when and from where, and whether the reviews are as they were sealed. The
 * one rule: what people typed is shown as text.
 */

import { get, toSearch } from "../desk/api.js";
import { h } from "../desk/dom.js";
import { formatMoment } from "../desk/format.js";
import { hasText, plural, text } from "../desk/texts.js";
import { button, field, mountPane, select } from "./pane.js";

const COLUMNS = ["noted_at", "person", "action", "subject", "details", "address", "agent"];
const FILTERS = ["who", "action", "subject", "since", "until"];

/** Fill the element with the pane. */
export const mount = (element) => mountPane(element, (root, tell) => new Audit(root, tell));

class Audit {
  constructor(root, tell) {
    Object.assign(this, { root, tell, entries: [], next: null });
    this.inputs = Object.fromEntries(FILTERS.map((name) => [name, buildInput(name)]));
    this.body = h("tbody", {});
    this.rest = h("p", { class: "team-bar" });
    this.link = h("a", { class: "team-button", download: "audit.csv" }, text("audit.download"));
    root.append(this.#buildBar(), this.#buildTable(), this.rest);
  }

  load() {
    return this.#show(null);
  }

  get #filters() {
    const given = Object.entries(this.inputs).map(([name, input]) => [name, input.value.trim()]);
    return Object.fromEntries(given.filter(([, value]) => value));
  }

  async #show(after) {
    const filters = this.#filters;
    const page = await get("audit", { ...filters, after });
    this.entries = after ? [...this.entries, ...page.entries] : page.entries;
    this.next = page.next;
    this.#offerActions(page.actions);
    this.link.href = `${new URL("../../../api/audit.csv", import.meta.url)}?${toSearch(filters)}`;
    this.#draw();
  }

  /** The server says what there is to choose from. */
  #offerActions(actions) {
    if (this.inputs.action.options.length > 1) return;
    const choices = actions.map((each) => [each, sayAction(each)]);
    choices.sort(([, one], [, other]) => one.localeCompare(other));
    this.inputs.action.append(...choices.map(([value, words]) => h("option", { value }, words)));
  }

  #draw() {
    this.body.replaceChildren(...this.entries.map(buildRow));
    const more = () => this.#show(this.next).catch((error) => this.tell(error.message, true));
    this.rest.replaceChildren(this.next ? button(text("audit.more"), more) : text(this.entries.length ? "audit.end" : "audit.none"));
  }

  #buildBar() {
    const onsubmit = (event) => {
      event.preventDefault();
      this.tell("");
      this.load().catch((error) => this.tell(error.message, true));
    };
    return h(
      "form",
      { class: "team-bar", onsubmit },
      ...FILTERS.map((name) => field(text(`audit.${name}`), this.inputs[name])),
      h("button", { class: "team-button team-main" }, text("audit.show")),
      this.link,
      button(text("audit.verify"), () => this.#verify()),
    );
  }

  async #verify() {
    try {
      const { sealed, problem, restarted: reason } = await get("audit/verify");
      const since = reason ? ` ${text("audit.restarted", { reason })}` : "";
      this.tell((problem ?? plural("audit.sound", sealed)) + since, Boolean(problem));
    } catch (error) {
      this.tell(error.message, true);
    }
  }

  #buildTable() {
    const head = h("tr", {}, ...COLUMNS.map((name) => h("th", { scope: "col" }, text(`audit.${name}`))));
    return h("div", { class: "team-table" }, h("table", {}, h("thead", {}, head), this.body));
  }
}

function buildInput(name) {
  if (name === "action") return select([["", text("audit.action.all")]], "", () => {});
  const isTime = name === "since" || name === "until";
  return h("input", { class: "team-input", type: isTime ? "date" : "text" });
}

function buildRow(entry) {
  const said = { ...entry, noted_at: formatMoment(entry.noted_at), action: sayAction(entry.action) };
  return h("tr", {}, ...COLUMNS.map((name) => h("td", {}, said[name])));
}

const sayAction = (action) => text(hasText(`action.${action}`) ? `action.${action}` : `event.${action}`);
