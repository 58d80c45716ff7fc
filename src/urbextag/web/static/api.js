// Talks to the REST API. An error becomes an Error whose message says the remedy.
import { waitFor } from "./waiting.js";

export async function call(method, url, body) {
  const options = { method, headers: { Accept: "application/json" } };
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  let answer;
  try {
    answer = await fetch(url, options);
  } catch {
    throw new Error("The server does not answer. Is urbextag serve still running?");
  }
  const text = await answer.text();
  let said = {};
  try {
    said = text ? JSON.parse(text) : {};
  } catch {
    said = { error: { message: `the server answered ${answer.status}`, remedy: "Look at what it printed" } };
  }
  if (!answer.ok) {
    const { message = `the server answered ${answer.status}`, remedy = "" } = said.error ?? {};
    throw new Error(sentence(message, remedy));
  }
  if (said.task?.state === "running") waitFor(said.task.id);
  return said;
}

export function sentence(message, remedy) {
  const address = /^[a-z]+:\/\//.test(message);
  const first = address ? message : message.charAt(0).toUpperCase() + message.slice(1);
  return remedy ? `${first}. ${remedy}${remedy.endsWith("?") ? "" : "."}` : `${first}.`;
}
