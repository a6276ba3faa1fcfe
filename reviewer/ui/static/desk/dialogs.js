/**
 * Owns what opens above the desk. The one rule: Escape closes it, nothing is done by that, and the focus goes back to
 * where it was.
 */

import { h, keycap } from "./dom.js";
import { text } from "./texts.js";

/** Open a dialog; `onClose` is called however it is closed. */
export function openDialog(parent, title, children, onClose = () => {}) {
  const onclose = () => {
    dialog.remove();
    onClose();
  };
  const dialog = h("dialog", { class: "desk-dialog", "aria-label": title, onclose });
  const properties = { type: "button", class: "desk-button", onclick: () => dialog.close() };
  const close = h("button", properties, text("desk.close"), keycap("Escape"));
  dialog.append(h("header", {}, h("b", {}, title), close), ...children);
  parent.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Ask before something is done; true when the reviewer confirms. Enter confirms; without `words` nothing does. */
export function confirm(parent, title, children, words) {
  return new Promise((resolve) => {
    let isSure = false;
    const onclick = () => {
      isSure = true;
      dialog.close();
    };
    const properties = { type: "button", class: "desk-button desk-main", autofocus: true, onclick };
    const yes = h("button", properties, words, keycap("Enter"));
    const foot = words ? [h("footer", {}, yes)] : [];
    const dialog = openDialog(parent, title, [...children, ...foot], () => resolve(isSure));
  });
}

/** Show an address to be copied by hand, where the browser does not let the page do it. */
export function showLink(parent, link) {
  const field = h("input", { class: "desk-field", readonly: true, value: link, "aria-label": text("desk.key.copy_link") });
  openDialog(parent, text("desk.key.copy_link"), [field]);
  field.select();
}
