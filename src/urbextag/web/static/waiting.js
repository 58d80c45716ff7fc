// The tasks whose end this tab waits to tell, whatever page it shows by then.
const NAME = "tasks";

function ids() {
  return new Set(JSON.parse(sessionStorage.getItem(NAME) ?? "[]"));
}

function keep(waiting) {
  sessionStorage.setItem(NAME, JSON.stringify([...waiting]));
}

export function waitFor(id) {
  const waiting = ids();
  if (!waiting.has(id)) keep(waiting.add(id));
}

/** Whether this tab waited for it; asked once. */
export function hasEnded(id) {
  const waiting = ids();
  if (!waiting.delete(id)) return false;
  keep(waiting);
  return true;
}
