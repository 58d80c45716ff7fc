// What the owner's decisions teach: shown when asked for, and adopted.
import { call } from "./api.js";
import { count, element, guarded, percent, table } from "./dom.js";
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
  const parts = [line(`${count(Math.round(found.decisions), "decision")} of yours.`)];
  if (rows.length) parts.push(effects(rows));
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
  return value === null ? "–" : percent(value);
}

function line(text) {
  return element("p", text);
}

function effects(rows) {
  const number = (value) => (value === null ? "default" : value.toFixed(2));
  const lines = rows.map((row) => {
    const what = row.source ? `weight of ${row.source}, ${row.facet}` : `threshold, ${row.facet}`;
    return [what, share(row.right / row.decisions), number(row.before), number(row.after)];
  });
  return table(["What", "Right", "Before", "After"], lines, "teaching");
}

function act(label, url) {
  const made = element("button", label, "primary");
  made.addEventListener("click", guarded(() => call("POST", url)));
  return made;
}
