// Forms that speak to the API:
//   <form data-action="POST /api/v1/…"   what is called with the fields as JSON
//         data-plan="/api/v1/…"          its `text` is asked about first (GET)
//         data-ask="Really?"             a fixed question
//         data-after="reload|none|/url"> what follows; `none` leaves the page as it is
// A field's name may hold dots (`vlm.idle_only` becomes an object in an object) or end in [] (a list); an empty one is
// null. A task in the answer is shown by live.js.
import { call } from "./api.js";
import { ask, toast, toastLater } from "./messages.js";

export function forms(root) {
  for (const form of root.querySelectorAll("form[data-action]")) {
    if (form.dataset.bound) continue;
    form.dataset.bound = "yes";
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      submit(form).catch((error) => toast(error.message, true));
    });
  }
}

async function submit(form) {
  const [method, url] = form.dataset.action.split(" ");
  const buttons = [...form.querySelectorAll("button")];
  const pressed = buttons.find((button) => button === document.activeElement);
  for (const button of buttons) button.disabled = true;
  try {
    if (form.dataset.plan) {
      const plan = await call("GET", form.dataset.plan);
      if (plan.nothing) {
        toast(plan.text);
        return;
      }
      if (!(await ask(plan.text))) return;
    } else if (form.dataset.ask && !(await ask(form.dataset.ask))) return;
    const said = await call(method, url, method === "GET" ? undefined : fields(form));
    form.dispatchEvent(new CustomEvent("said", { bubbles: true, detail: said }));
    after(form, said);
  } finally {
    for (const button of buttons) button.disabled = false;
    if (pressed?.isConnected && document.activeElement === document.body) pressed.focus(); // lost while it was disabled
  }
}

function after(form, said) {
  const next = said.url ?? form.dataset.after ?? "reload";
  const text = said.message ?? (said.task ? `${said.task.title} …` : "");
  if (next === "none" || said.task) {
    if (text) toast(text);
    return;
  }
  if (text) toastLater(text);
  if (next === "reload") location.reload();
  else location.href = next;
}

function fields(form) {
  const found = {};
  for (const field of form.elements) {
    if (!field.name || field.disabled || field.type === "submit") continue;
    if (field.type === "radio" && !field.checked) continue;
    const list = field.name.endsWith("[]");
    if (list && field.type === "checkbox" && !field.checked) continue;
    const names = field.name.replace("[]", "").split(".");
    const last = names.pop();
    let place = found;
    for (const name of names) place = place[name] ??= {};
    if (list) (place[last] ??= []).push(value(field));
    else place[last] = value(field);
  }
  return found;
}

function value(field) {
  if (field.type === "checkbox" && !field.name.endsWith("[]")) return field.checked;
  if (field.value === "") return null;
  return ["number", "range"].includes(field.type) ? Number(field.value) : field.value;
}
