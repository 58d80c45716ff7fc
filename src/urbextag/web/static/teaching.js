// What the owner's decisions teach: shown when asked for, adopted or taken back.
import { call } from "./api.js";
import { toast } from "./messages.js";

const box = document.querySelector("[data-effect]");
const button = document.querySelector("[data-teach]");

button?.addEventListener("click", async () => {
  button.disabled = true;
  box.textContent = "Weighing …";
  try {
    show(await call("GET", "/api/v1/review/teaching"));
  } catch (error) {
    box.textContent = "";
    toast(error.message, true);
  }
  button.disabled = false;
});

function show(found) {
  const rows = [...found.reliability, ...found.thresholds].filter((row) => row.enough);
  const parts = [line(`${Math.round(found.decisions).toLocaleString()} decisions of yours.`)];
  if (rows.length) parts.push(table(rows));
  else parts.push(line("Too few to learn from: a weight wants 10 decisions on what a source named, a threshold 20 in its kind."));
  const { before, after } = found.decided;
  if (before.precision !== null && after.precision !== null) {
    parts.push(line(`Of the tags you decided on, right: ${share(before.precision)} → ${share(after.precision)}; found: ${share(before.recall)} → ${share(after.recall)}.`));
  }
  const effect = found.archive;
  parts.push(line(`On ${effect.photos.toLocaleString()} of ${effect.of.toLocaleString()} photos: ${effect.appear.toLocaleString()} tags would appear and ${effect.vanish.toLocaleString()} vanish.`));
  if (found.changes) parts.push(act("Learn from them", "/api/v1/review/teaching/adopt"));
  box.replaceChildren(...parts);
}

function share(value) {
  return value === null ? "–" : `${Math.round(100 * value)}%`;
}

function line(text) {
  const made = document.createElement("p");
  made.textContent = text;
  return made;
}

function table(rows) {
  const made = document.createElement("table");
  made.className = "teaching";
  const fill = (tag, values) => {
    const row = document.createElement("tr");
    for (const value of values) row.append(Object.assign(document.createElement(tag), { textContent: value }));
    made.append(row);
  };
  fill("th", ["What", "Right", "Before", "After"]);
  const number = (value) => (value === null ? "default" : value.toFixed(2));
  for (const row of rows) {
    const what = row.source ? `weight of ${row.source}, ${row.facet}` : `threshold, ${row.facet}`;
    fill("td", [what, share(row.right / row.decisions), number(row.before), number(row.after)]);
  }
  return made;
}

function act(label, url) {
  const made = Object.assign(document.createElement("button"), { className: "primary", textContent: label });
  made.addEventListener("click", () => call("POST", url).catch((error) => toast(error.message, true)));
  return made;
}
