/* What is wrong with an example, in a sentence under each field at fault.
 * The rule: a sentence goes when its field is changed, or when the server sends other ones. */

const CONTROL = "input:not([type=file]), textarea, select, button";

function removeProblem(field) {
  field.querySelector(":scope > .problem")?.remove();
  for (const each of field.querySelectorAll("[aria-invalid]")) {
    each.removeAttribute("aria-invalid");
    each.removeAttribute("aria-describedby");
  }
}

function addProblem(field, sentence) {
  const line = document.createElement("p");
  line.className = "problem";
  line.id = `${field.id}-problem`;
  line.setAttribute("role", "alert");
  line.textContent = sentence;
  field.append(line);
  const control = field.querySelector(CONTROL);
  control?.setAttribute("aria-invalid", "true");
  control?.setAttribute("aria-describedby", line.id);
}

/** A dropdown says nothing of the entry that somebody picks, so the picking itself counts. */
function isChange({ type, key, target }) {
  if (type === "mousedown") return target.closest("[role=option]");
  return type !== "keydown" || (key === "Enter" && target.matches("[role=combobox]"));
}

function noteChange(event) {
  // Gradio gives the classes of its HTML block to the element inside as well; the id is the field's own.
  const field = event.target.closest?.(".field[id^='input-']");
  if (field && isChange(event)) removeProblem(field);
}

function show({ model, problems } = {}) {
  if (!model) return;
  for (const field of document.querySelectorAll(`[id^="input-${model}-"]`)) removeProblem(field);
  const fields = Object.keys(problems).map((name) => document.getElementById(`input-${model}-${name}`));
  fields.forEach((field, place) => field && addProblem(field, Object.values(problems)[place]));
  fields[0]?.scrollIntoView({ block: "nearest" });
  const first = fields[0]?.querySelector(CONTROL);
  // A dropdown opens as it is reached, and its list would lie over the sentence.
  if (!first?.matches("[role=combobox]")) first?.focus();
}

for (const name of ["input", "change", "drop", "mousedown", "keydown"]) {
  document.addEventListener(name, noteChange, true);
}

/** Show the problems that the server sends as the value of a component. */
export function mount(props, watch) {
  watch("value", () => show(props.value));
}
