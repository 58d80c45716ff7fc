// Settings: the chosen model, VLM servers that are tried and saved, quiet hours, what is out of date, folders for backups.
import { call, sentence } from "./api.js";
import { count, element, guarded, percent, table } from "./dom.js";
import { folderPicker } from "./folders.js";
import { ask, toast, toastLater } from "./messages.js";
import { thresholds } from "./settings_thresholds.js";

const SERVERS = "/api/v1/settings/endpoints";

// Models: the chosen radio says name and precision, and is itself not sent.
for (const radio of document.querySelectorAll("[data-models] [data-model]")) {
  radio.addEventListener("change", () => {
    const of = radio.closest("form").elements;
    const role = radio.closest("[data-role]").dataset.role;
    of[`models.${role}`].value = radio.dataset.model;
    of[`models.${role}_precision`].value = radio.dataset.precision;
  });
}

for (const button of document.querySelectorAll("[data-call]")) {
  button.addEventListener("click", guarded(async () => {
    const [method, url] = button.dataset.call.split(" ");
    button.disabled = true;
    try {
      const said = await call(method, url);
      toast(`${said.task.title} …`);
    } finally {
      button.disabled = false;
    }
  }));
}

// Servers
function server(form) {
  const of = form.elements;
  return {
    url: of.url.value.trim().replace(/\/+$/, ""),
    kind: of.kind.value,
    model: of.model.value.trim(),
    allow_remote: of.allow_remote.checked,
    key_env: of.key_env.value.trim() || null,
    parallel: Number(of.parallel.value || 1),
  };
}

async function test(form) {
  const verdict = form.querySelector("[data-verdict]");
  verdict.replaceChildren(element("span", "Asking …", "soft"));
  let said;
  try {
    said = await call("POST", "/api/v1/settings/test-connection", server(form));
  } catch (error) {
    verdict.replaceChildren(element("b", "✗ ", "bad"), error.message);
    return;
  }
  if (said.works) verdict.replaceChildren(element("b", "✓ It works. ", "good"), said.detail);
  else verdict.replaceChildren(element("b", "✗ ", "bad"), sentence(said.message, said.remedy));
  if (said.notes.length) verdict.append(element("ul", "", "", ...said.notes.map((note) => element("li", note, "soft"))));
  offer(form, said.models);
}

function offer(form, models) {
  const list = form.querySelector("datalist");
  const box = form.querySelector("[data-found]");
  const able = models.filter((model) => model.sees !== false);
  list.replaceChildren(...able.map((model) => Object.assign(element("option"), { value: model.name })));
  box.replaceChildren(
    ...models.map((model) => {
      const button = element("button", model.name, "chip");
      button.type = "button";
      button.setAttribute("aria-pressed", String(model.name === form.elements.model.value));
      button.disabled = model.sees === false;
      if (model.sees === false) button.title = "It cannot see photos";
      if (model.elsewhere) button.append(element("span", "runs elsewhere", "warn small"));
      if (model.sees === false) button.append(element("span", "cannot see", "soft small"));
      button.addEventListener("click", () => {
        form.elements.model.value = model.name;
        test(form);
      });
      return element("li", "", "", button);
    }),
  );
  box.hidden = !models.length;
}

async function put(form, wanted) {
  const now = (await call("GET", SERVERS)).endpoints.map((one) => ({ ...one, was: one.url }));
  const was = form.dataset.was || null;
  const others = now.filter((one) => one.was !== was);
  const next = wanted ? [...others, { ...wanted, was: now.some((one) => one.was === was) ? was : null }] : others;
  const said = await call("PUT", SERVERS, { endpoints: next });
  toastLater(said.message);
  location.reload();
}

for (const form of document.querySelectorAll("[data-server]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    guarded(put)(form, server(form));
  });
  form.querySelector("[data-test]").addEventListener("click", () => test(form));
  form.querySelector("[data-remove]")?.addEventListener("click", guarded(async () => {
    if (await ask(`Remove the server at ${form.dataset.was}? What it said of photos stays.`)) await put(form, null);
  }));
  if (form.dataset.was) test(form);
}

// Quiet hours: two times make one setting.
const when = document.querySelector("[data-when]");
const times = [...when.querySelectorAll("[data-quiet]")];
for (const time of times) {
  time.addEventListener("input", () => {
    const [from, until] = times.map((one) => one.value);
    when.elements["vlm.quiet_hours"].value = from && until ? `${from}-${until}` : "";
    for (const one of times) one.required = Boolean(from || until);
  });
}

// What is out of date
async function outdated() {
  const box = document.getElementById("outdated");
  const plan = await call("GET", "/api/v1/queue/tag?scope=changed");
  box.hidden = plan.nothing;
  const have = `${count(plan.photos, "photo")} ${plan.photos === 1 ? "has" : "have"}`;
  box.querySelector("[data-text]").textContent = `${have} tags by other models or settings than those below.`;
  if (!plan.nothing && location.hash === "#outdated") box.scrollIntoView();
}
guarded(outdated)();

// Tags of an earlier tagger
document.querySelector("[data-survey]").addEventListener("click", guarded(async () => {
  const box = document.querySelector("[data-surveyed]");
  box.replaceChildren(element("p", "Looking …", "soft"));
  const { survey, text } = await call("GET", "/api/v1/backfill");
  const sources = Object.entries(survey.sources);
  if (!sources.length) {
    box.replaceChildren(element("p", text));
    return;
  }
  const rows = sources.map(([source, n]) => {
    const known = n.labels ? percent(n.known / n.labels) : "";
    return [source, n.photos.toLocaleString(), n.labels.toLocaleString(), known, n.becomes];
  });
  box.replaceChildren(table(["tagged by", "photos", "labels", "known", "become"], rows));
  const unknown = Object.entries(survey.labels.frequent_without_concept).slice(0, 12);
  if (unknown.length) {
    const words = unknown.map(([label, n]) => `${label} (${n.toLocaleString()})`).join(", ");
    box.append(element("p", `Words that name nothing known here: ${words}`, "soft small"));
  }
}));

// A folder for the backup
const backup = document.querySelector("[data-backup]");
folderPicker(document.querySelector("[data-picker]"), ({ folder }) => {
  backup.elements.folder.value = folder?.id ?? "";
  backup.querySelector("button").disabled = !folder;
})();

thresholds(document.querySelector("[data-thresholds]"));
