// Who is signed in, at the corner of the app, and a word when the session has ended.
import { loadTexts, text } from "../desk/texts.js";

const address = (path) => new URL(path, document.baseURI);

async function showPerson() {
  const answer = await fetch(address("api/account"));
  if (!answer.ok) return;
  const person = await answer.json();
  await loadTexts();
  const link = document.createElement("a");
  link.id = "account-link";
  link.href = address("account");
  link.textContent = person.name;
  const role = document.createElement("span");
  role.textContent = ` · ${text(`role.${person.role}`)}`;
  link.append(role);
  link.setAttribute("aria-label", text("account.open", person));
  document.body.append(link);
  // The tabs keep clear of it; Gradio folds those that do not fit when the window changes.
  document.documentElement.style.setProperty("--account-width", `${link.offsetWidth}px`);
  window.dispatchEvent(new Event("resize"));
}

async function tellEnd() {
  if (document.getElementById("session-ended")) return;
  const bar = document.createElement("p");
  bar.id = "session-ended";
  bar.setAttribute("role", "alert");
  const link = document.createElement("a");
  link.href = address("sign-in");
  link.target = "_blank";
  link.textContent = text("sign_in.do");
  link.addEventListener("click", () => bar.remove());
  bar.append(`${text("sign_in.ended")} `, link);
  document.body.append(bar);
}

const fetchPlainly = window.fetch;
window.fetch = async (...given) => {
  const answer = await fetchPlainly(...given);
  if (answer.status === 401 && new URL(answer.url).origin === location.origin) tellEnd();
  return answer;
};

showPerson();
