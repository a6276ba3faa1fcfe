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
  for (const name of ["input", "change", "drop"]) {
    field.addEventListener(name, () => removeProblem(field), { once: true });
  }
}

function show({ model, problems } = {}) {
  if (!model) return;
  for (const field of document.querySelectorAll(`[id^="input-${model}-"]`)) removeProblem(field);
  const fields = Object.keys(problems).map((name) => document.getElementById(`input-${model}-${name}`));
  fields.forEach((field, place) => field && addProblem(field, Object.values(problems)[place]));
  fields[0]?.scrollIntoView({ block: "nearest" });
  fields[0]?.querySelector(CONTROL)?.focus();
}

/** Show the problems that the server sends as the value of a component. */
export function mount(props, watch) {
  watch("value", () => show(props.value));
}
