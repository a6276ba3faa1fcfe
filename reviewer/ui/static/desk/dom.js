/**
 * Owns how elements are made. The one rule: what people wrote reaches the page as text nodes and
 * attributes only, never as HTML.
 */

import { printKey } from "./keys.js";

/**
 * Build one element.
 * @param {string} tag
 * @param {Object<string, unknown>} properties attributes; `on…` functions become listeners; null, undefined and
 *   false are left out; `style` is an object of CSS properties.
 * @param {...(Node|string|null|undefined|false)} children
 * @returns {HTMLElement}
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) setProperty(element, name, value);
  element.append(...children.flat().filter((child) => child || child === 0));
  return element;
}

/**
 * Put nodes into an element. Those that are there just so already stay, since laying them out takes milliseconds: only
 * for nodes whose listeners depend on nothing but what they show.
 */
export function renew(element, nodes) {
  const { childNodes } = element;
  const isSame = nodes.length === childNodes.length && nodes.every((node, at) => node.isEqualNode(childNodes[at]));
  if (!isSame) element.replaceChildren(...nodes);
}

function setProperty(element, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
  else if (name === "style") Object.entries(value).forEach(([key, each]) => element.style.setProperty(key, each));
  else element.setAttribute(name, value === true ? "" : String(value));
}

/** A key as it is printed beside what it does; screen readers get the key from `aria-keyshortcuts`. */
export function keycap(key) {
  return key ? h("kbd", { "aria-hidden": "true" }, printKey(key)) : null;
}
