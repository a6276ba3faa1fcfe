/* The buttons by which an answer is flagged, one per option that there is now.
 * The rule: an option's name goes in as text and as data, never as HTML or as a class that means something else. */

const SHIPPED = /^[a-z_]+$/;

function drawOption({ name, text }) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = SHIPPED.test(name) ? `flag-option option-${name}` : "flag-option";
  button.dataset.option = name;
  button.textContent = text;
  return button;
}

/** Draw the buttons into `element`, and again when the server sends others; a press tells which one it was. */
export function mount(element, props, watch, trigger) {
  const draw = () => {
    const { label, options } = props.value;
    const group = document.createElement("div");
    group.className = "flag-buttons";
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", label);
    group.append(...options.map(drawOption));
    element.replaceChildren(group);
  };
  element.addEventListener("click", (event) => {
    const button = event.target.closest("[data-option]");
    if (button) trigger("click", { option: button.dataset.option });
  });
  watch("value", draw);
  draw();
}
