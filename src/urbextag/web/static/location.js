// One location: the parts that its summary fills, the focal point, and forms that nobody's typing is taken from.
import { focal, position } from "./focal.js";
import { forms } from "./forms.js";
import { localTimes, pictures } from "./looks.js";

const SUMMARY_MS = 4000;
const html = new Map();
let seen = "";
let busy = false;
let again = 0;

prepare(document);
keepOpen();
keepTyping();
remember();
if (document.querySelector("[data-waiting]")) summary();

document.addEventListener("urbextag:refreshed", (event) => {
  refill(event.detail);
  prepare(event.detail);
});
document.addEventListener("urbextag:status", ({ detail }) => {
  if (detail.fault) return;
  const now = `${detail.archive} ${(detail.tasks ?? []).map((task) => task.state).join()}`;
  if (seen && now !== seen) soon(SUMMARY_MS / 2);
  seen = now;
});

function prepare(root) {
  focal(root);
  focalEditor(root);
  rejectPlan(root);
}

function soon(wait) {
  again ||= setTimeout(() => {
    again = 0;
    if (busy) soon(SUMMARY_MS);
    else summary();
  }, wait);
}

/** Fetch the parts that the summary fills, and put those that have changed in place of the old ones. */
async function summary() {
  busy = true;
  const began = Date.now();
  try {
    const answer = await fetch(`${location.pathname}/summary${location.search}`, { headers: { Accept: "text/html" } });
    if (!answer.ok) throw new Error(String(answer.status));
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of fresh.querySelectorAll("[data-part]")) swap(part);
  } catch {
    for (const line of document.querySelectorAll("[data-waiting]")) {
      line.textContent = "The summary cannot be had; open the page again.";
      line.removeAttribute("aria-busy");
    }
  } finally {
    // A large place takes a while: it is not asked for more than a fifth of the time.
    setTimeout(() => (busy = false), 4 * (Date.now() - began));
  }
}

function swap(fresh) {
  const old = document.getElementById(fresh.id);
  if (!old || html.get(fresh.id) === fresh.outerHTML || old.querySelector("button:disabled")) return;
  html.set(fresh.id, fresh.outerHTML);
  const focus = old.contains(document.activeElement) ? [...old.querySelectorAll("a, button, summary")].indexOf(document.activeElement) : -1;
  old.replaceWith(fresh);
  for (const part of fresh.querySelectorAll("details[id]")) part.open = opened.has(part.id);
  forms(fresh);
  localTimes(fresh);
  pictures(fresh);
  if (focus >= 0) fresh.querySelectorAll("a, button, summary")[focus]?.focus();
}

/** A part of the page that was fetched afresh waits for the summary; until it comes, what was there stays. */
function refill(root) {
  for (const part of root.querySelectorAll("[data-part]")) {
    const known = html.get(part.id);
    if (!part.querySelector("[data-waiting]") || !known) continue;
    html.delete(part.id);
    swap(new DOMParser().parseFromString(known, "text/html").getElementById(part.id));
  }
}

function remember() {
  for (const part of document.querySelectorAll("[data-part]")) html.set(part.id, "");
}

const opened = new Set();

/** What a person has opened stays open where its part is fetched afresh. */
function keepOpen() {
  document.addEventListener("toggle", ({ target }) => {
    if (!target.id || !target.isConnected) return;
    if (target.open) opened.add(target.id);
    else opened.delete(target.id);
  }, true);
  document.addEventListener("urbextag:refreshed", (event) => {
    for (const part of event.detail.querySelectorAll("details[id]")) part.open = opened.has(part.id);
  });
}

/** A part in which something was typed or picked is not fetched afresh until it was sent. */
function keepTyping() {
  const held = (event) => {
    const part = event.target.closest("main section[data-refresh]");
    if (!part || !event.target.closest("form")) return;
    part.dataset.held = part.dataset.refresh;
    delete part.dataset.refresh;
  };
  document.addEventListener("input", held);
  document.addEventListener("said", (event) => {
    const part = event.target.closest("[data-held]");
    if (!part) return;
    part.dataset.refresh = part.dataset.held;
    delete part.dataset.held;
  });
}

function focalEditor(root) {
  const form = root.querySelector("form[data-focal]");
  if (!form) return;
  const [x, y] = [form.elements.focal_x, form.elements.focal_y];
  const mark = form.querySelector(".focal-mark");
  const hero = form.closest("section").querySelector("img[data-hero]");
  const show = () => {
    mark.style.left = `${x.value * 100}%`;
    mark.style.top = `${y.value * 100}%`;
    mark.hidden = false;
    if (hero) hero.style.objectPosition = position(x.value, y.value);
  };
  form.querySelector(".focal-pick").addEventListener("click", (event) => {
    const box = event.currentTarget.getBoundingClientRect();
    x.value = (event.clientX - box.left) / box.width;
    y.value = (event.clientY - box.top) / box.height;
    x.dispatchEvent(new Event("input", { bubbles: true }));
  });
  form.addEventListener("input", show);
  form.closest("details").addEventListener("toggle", (event) => event.target.open && show());
}

/** The plan is of the tag that is typed. */
function rejectPlan(root) {
  for (const form of root.querySelectorAll("form[data-tag-plan]")) {
    form.elements.tag.addEventListener("input", () => {
      form.dataset.plan = `${form.dataset.tagPlan}?tag=${encodeURIComponent(form.elements.tag.value.trim())}`;
    });
  }
}
