// While work goes on: the line at the top, the tasks below, and the parts of the page that are fetched afresh.
//   <section id="…" data-refresh="archive">  fetched again when the archive, the queues, the worker or a task changed
import { call, sentence } from "./api.js";
import { duration, element, guarded } from "./dom.js";
import { forms } from "./forms.js";
import { localTimes, pictures } from "./looks.js";
import { toast, toastFromBefore } from "./messages.js";
import { hasEnded, waitFor } from "./waiting.js";

const REFRESH_MS = 2000;
let lastRefresh = 0;
let waiting = 0;
let seen;

export function live() {
  toastFromBefore();
  pictures(document);
  if (location.pathname === "/sign-in") return;
  let source = listen();
  document.addEventListener("visibilitychange", () => {
    source.close(); // browsers keep six connections to a server, over all tabs: one that nobody sees gives its own up
    if (!document.hidden) source = listen();
  });
}

function listen() {
  const source = new EventSource("/api/v1/events");
  let first = true;
  source.addEventListener("status", (event) => {
    const snapshot = JSON.parse(event.data);
    pulse(snapshot);
    tasks(snapshot.tasks ?? []);
    document.dispatchEvent(new CustomEvent("urbextag:status", { detail: snapshot }));
    if (!first || (seen !== undefined && seen !== snapshot.archive)) refreshSoon();
    first = false;
    seen = snapshot.archive;
  });
  source.addEventListener("error", () => say("no connection to the server", "bad"));
  return source;
}

function pulse({ fault, queue, worker }) {
  if (fault) return say(fault.message, "bad");
  const waits = queue.counts.queued + queue.counts.running;
  const describes = queue.vlm.counts.queued + queue.vlm.counts.running;
  const parts = [];
  if (waits) parts.push(`${waits.toLocaleString()} to tag`);
  if (describes) parts.push(`${describes.toLocaleString()} to describe`);
  const what = parts.join(", ");
  if (queue.paused_since) return say(`paused${what ? `, ${what}` : ""}`, "warn");
  if (worker.state === "failed") return say(`worker stopped: ${worker.message}`, "bad");
  if (what && ["off", "stopped"].includes(worker.state)) return say(`${what}, no worker here`, "warn");
  return say(what, "busy");
}

function say(text, kind) {
  const line = document.getElementById("pulse");
  if (line.textContent !== text) line.textContent = text;
  line.className = `pulse ${kind}`;
  line.hidden = !text;
}

function tasks(all) {
  const box = document.getElementById("tasks");
  for (const task of all) {
    let line = document.getElementById(`task-${task.id}`);
    if (task.state === "running") {
      waitFor(task.id);
      line ??= taskLine(box, task);
      const bar = line.querySelector("progress");
      if (task.total) [bar.max, bar.value] = [task.total, task.done];
      const numbers = task.total ? `${task.done.toLocaleString()} of ${task.total.toLocaleString()}` : "";
      const left = task.seconds_left ? `, ${duration(task.seconds_left)} left` : "";
      line.querySelector(".numbers").textContent = `${numbers}${left} ${task.note}`;
      continue;
    }
    line?.remove();
    if (!hasEnded(task.id)) continue; // nobody waited for it here, or it was told before
    if (task.error) toast(`${task.title}: ${sentence(task.error.message, task.error.remedy)}`, true);
    else if (task.state === "stopped") toast(`${task.title}: stopped.`);
    else toast(task.result.message ?? `${task.title}: done.`, false, leadsOn(task.result.url));
  }
}

function leadsOn(url) {
  if (!url || url === location.pathname) return undefined;
  return { label: "Show", run: () => (location.href = url) };
}

function taskLine(box, task) {
  const bar = element("progress");
  bar.setAttribute("aria-label", task.title);
  const stop = element("button", "Stop", "plain");
  stop.addEventListener("click", guarded(() => call("POST", `/api/v1/tasks/${task.id}/stop`)));
  const line = element("div", "", "task", element("b", task.title), bar, element("span", "", "numbers"), stop);
  line.id = `task-${task.id}`;
  box.append(line);
  return line;
}

function refreshSoon() {
  if (waiting || !document.querySelector("[data-refresh]")) return;
  waiting = setTimeout(() => {
    waiting = 0;
    refresh().catch(() => say("no connection to the server", "bad"));
  }, Math.max(0, lastRefresh + REFRESH_MS - Date.now()));
}

const FOCUSABLE = "a, button, summary, input, select, textarea";

/** Where the focus is, so that it can be put there again: by id, or by its number among what can have it. */
function placeOf(element, part) {
  return { id: element.id, at: [...part.querySelectorAll(FOCUSABLE)].indexOf(element) };
}

/** Fetch this page again and put its live parts in place of the old ones; one that is being typed in is left alone. */
export async function refresh() {
  lastRefresh = Date.now();
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-refresh]")) {
    const other = fresh.getElementById(part.id);
    const busy = part.contains(document.activeElement) && document.activeElement.matches("input, select, textarea");
    if (!other || busy) continue;
    // made as the old part is, so that equal ones are seen to be equal and what is open stays open
    forms(other);
    localTimes(other);
    for (const old of part.querySelectorAll("details[id]")) {
      const same = other.querySelector(`#${CSS.escape(old.id)}`);
      if (same) same.open = old.open;
    }
    if (other.isEqualNode(part)) continue;
    const focus = part.contains(document.activeElement) ? placeOf(document.activeElement, part) : null;
    part.replaceWith(other);
    pictures(other);
    if (focus) (document.getElementById(focus.id) ?? other.querySelectorAll(FOCUSABLE)[focus.at])?.focus();
    document.dispatchEvent(new CustomEvent("urbextag:refreshed", { detail: other }));
  }
}
