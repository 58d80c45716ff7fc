// Review by keyboard: move, choose, accept, reject, take back, undo. Decisions go to the API as one batch.
import { call } from "./api.js";
import { toast } from "./messages.js";

const grid = document.querySelector("[data-review]");
const undoButton = document.querySelector("[data-undo]");
const done = [];
let anchor = null;

if (grid) start();

function start() {
  grid.addEventListener("click", (event) => {
    const tile = event.target.closest("[role=option]");
    if (!tile) return;
    if (event.shiftKey) range(tile);
    else choose(tile, !isChosen(tile));
    focus(tile);
  });
  grid.addEventListener("dblclick", (event) => open(event.target.closest("[role=option]")));
  document.addEventListener("keydown", key);
  for (const button of document.querySelectorAll("[data-do]")) {
    button.addEventListener("click", () => decide(button.dataset.do));
  }
  document.querySelector("[data-select=all]").addEventListener("click", () => tiles().forEach((tile) => choose(tile, true)));
  document.querySelector("[data-select=none]").addEventListener("click", clearChoice);
  undoButton.addEventListener("click", () => undo());
  focus(tiles()[0], false);
}

function tiles() {
  return [...grid.querySelectorAll("[role=option]")];
}

function current() {
  return tiles().find((tile) => tile.tabIndex === 0) ?? tiles()[0];
}

function focus(tile, really = true) {
  if (!tile) return;
  for (const other of tiles()) other.tabIndex = other === tile ? 0 : -1;
  if (really) tile.focus();
}

function choose(tile, yes) {
  tile.setAttribute("aria-selected", String(yes));
  anchor = tile;
  told();
}

function clearChoice() {
  for (const tile of tiles()) tile.setAttribute("aria-selected", "false");
  anchor = null;
  told();
}

function isChosen(tile) {
  return tile.getAttribute("aria-selected") === "true";
}

function chosen() {
  const found = tiles().filter(isChosen);
  return found.length ? found : [current()];
}

function told() {
  const number = tiles().filter(isChosen).length;
  document.querySelector("[data-chosen]").textContent = number ? `${number} chosen` : "";
}

function range(to) {
  const all = tiles();
  const [from, until] = [all.indexOf(anchor ?? current()), all.indexOf(to)].sort((one, other) => one - other);
  const kept = anchor ?? current();
  for (const tile of all.slice(from, until + 1)) tile.setAttribute("aria-selected", "true");
  anchor = kept;
  told();
}

function columns() {
  const all = tiles();
  const below = all.findIndex((tile) => tile.offsetTop !== all[0].offsetTop);
  return below === -1 ? all.length : below;
}

function move(step, extend) {
  const all = tiles();
  const at = all.indexOf(current());
  const to = all[Math.min(all.length - 1, Math.max(0, at + step))];
  if (extend) {
    anchor ??= all[at];
    for (const tile of all) tile.setAttribute("aria-selected", "false");
    range(to);
  }
  focus(to);
}

function key(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, select, textarea, dialog[open]")) return;
  const onGrid = event.target === document.body || event.target.closest("[role=option]"); // not on a button or link
  const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns(), ArrowUp: -columns(), Home: -1e6, End: 1e6 };
  if (event.key in steps) move(steps[event.key], event.shiftKey);
  else if (event.key === " " && onGrid) choose(current(), !isChosen(current()));
  else if (event.key === "Enter" && onGrid) open(current());
  else if (event.key === "Escape") clearChoice();
  else if (event.key.toLowerCase() === "a") decide("accept");
  else if (event.key.toLowerCase() === "r") decide("reject");
  else if (event.key.toLowerCase() === "c") decide("clear");
  else if (event.key.toLowerCase() === "u") undo();
  else return;
  event.preventDefault();
}

function open(tile) {
  if (tile) location.href = tile.dataset.href;
}

const MARKS = { accept: "accepted", reject: "rejected", clear: "" };

async function decide(verdict) {
  const these = chosen();
  const last = these.at(-1);
  const before = these.map((tile) => [tile, tile.dataset.mark ?? "", tile.querySelector("[data-verdict]")?.textContent ?? ""]);
  for (const tile of these) mark(tile, MARKS[verdict], MARKS[verdict] || "taken back");
  clearChoice();
  const all = tiles();
  focus(all[Math.min(all.length - 1, all.indexOf(last) + 1)]);
  try {
    const body = { concept: grid.dataset.review, verdict, photos: these.map((tile) => tile.dataset.sha) };
    const said = await call("POST", "/api/v1/review", body);
    const made = { batch: said.batch, before };
    done.push(made);
    undoButton.disabled = false;
    toast(said.message, false, { label: "Undo", run: () => undo(made) });
  } catch (error) {
    for (const [tile, name, text] of before) mark(tile, name, text);
    toast(error.message, true);
  }
}

function mark(tile, name, text) {
  tile.classList.remove("accepted", "rejected");
  if (name) tile.classList.add(name);
  tile.dataset.mark = name;
  const chip = tile.querySelector("[data-verdict]");
  if (chip) chip.textContent = text;
}

async function undo(which = done.at(-1)) {
  if (!which) toast("Nothing was decided since this page was opened. What came before is taken back under “All tags”.");
  if (!done.includes(which)) return;
  done.splice(done.indexOf(which), 1);
  undoButton.disabled = !done.length;
  try {
    const said = await call("POST", `/api/v1/review/undo/${which.batch}`);
    for (const [tile, name, text] of which.before) mark(tile, name, text);
    focus(which.before[0][0]);
    toast(said.message ?? `${said.task.title} …`);
  } catch (error) {
    toast(error.message, true);
  }
}
