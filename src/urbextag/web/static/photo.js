// Photo: keys, words on tags without leaving the page, names to choose from while one is typed, similar photos.
import { call } from "./api.js";
import { element, guarded, picture } from "./dom.js";
import { refresh } from "./live.js";
import { pictures } from "./looks.js";
import { toast } from "./messages.js";

const TYPED_MS = 150;
const CHOICES = 12;
const keysDialog = document.getElementById("keys");
document.querySelector("[data-keys]").addEventListener("click", () => keysDialog.showModal());

// Words on tags: the parts of the page are fetched again, and the mark moves on to the next tag.
document.addEventListener("said", guarded(async (event) => {
  const form = event.target;
  if (!form.closest("#tags")) {
    await refresh();
    return;
  }
  const all = lines().map((line) => line.id);
  const at = all.indexOf(form.closest(".tag")?.id);
  const here = form.dataset.word === "clear" ? [at] : [];
  const typed = form.matches(".add-tag");
  if (typed) form.reset();
  document.activeElement?.blur(); // a field that is being typed in keeps its part from being fetched again
  await refresh();
  if (typed) field().focus();
  else mark([...here, at + 1, at - 1, at].map((place) => document.getElementById(all[place])).find((line) => line) ?? lines()[0]);
}));

const field = () => document.getElementById("add-tag");
const lines = () => [...document.querySelectorAll("#tags .tag[data-concept]")];
const current = () => document.activeElement?.closest("#tags .tag[data-concept]");

function mark(line) {
  const target = line?.querySelector("summary, button");
  target?.focus();
  target?.scrollIntoView({ block: "nearest" });
}

function step(by) {
  const all = lines();
  if (!all.length) return;
  const at = all.indexOf(current());
  mark(all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + by))]);
}

function say(word) {
  const line = current();
  if (!line) return toast("Mark a tag first: j and k, or Tab.");
  const form = line.querySelector(`form[data-word="${word}"]`);
  if (form) form.requestSubmit();
  else toast(word === "clear" ? "You have said nothing of this tag." : "You have spoken about this tag: take it back first.");
}

const KEYS = {
  ArrowLeft: () => document.querySelector("[data-previous]")?.click(),
  ArrowRight: () => document.querySelector("[data-next]")?.click(),
  j: () => step(1),
  k: () => step(-1),
  a: () => say("accept"),
  r: () => say("reject"),
  u: () => say("clear"),
  "+": () => field().focus(),
  "?": () => keysDialog.showModal(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
  if (event.target.closest("input, select, textarea, dialog, pre")) return;
  const act = KEYS[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

// Names to choose from. The field is replaced when its part is fetched again, so the document listens.
let waiting = 0;
let asked = 0;
document.addEventListener("input", (event) => {
  if (event.target.id !== "add-tag") return;
  clearTimeout(waiting);
  const text = event.target.value.trim();
  waiting = setTimeout(() => offer(text), TYPED_MS);
});

async function offer(text) {
  if (!text) return;
  const number = ++asked;
  const found = await call("GET", `/api/v1/concepts?limit=${CHOICES}&q=${encodeURIComponent(text)}`).catch(() => null);
  if (!found || number !== asked) return; // an answer that was overtaken
  const options = found.concepts.map(({ name, label, facet, ancestors, synonym }) => {
    const option = element("option");
    option.value = name;
    const above = ancestors.length ? ` › ${ancestors[0]}` : "";
    option.label = `${label} · ${facet}${above}${synonym ? ` (${synonym})` : ""}`;
    return option;
  });
  document.getElementById("concepts").replaceChildren(...options);
}

// Similar photos: asked for when their part comes into view, since all embeddings are read for it.
const part = document.querySelector("[data-similar]");
new IntersectionObserver((seen, observer) => {
  if (!seen.some((one) => one.isIntersecting)) return;
  observer.disconnect();
  similar();
}, { rootMargin: "200px" }).observe(part);

async function similar() {
  const why = part.querySelector("[data-why]");
  const list = part.querySelector("[data-found]");
  let found;
  try {
    found = await call("GET", part.dataset.similar);
  } catch (error) {
    why.textContent = error.message;
    return;
  }
  why.textContent = found.photos.length ? `By the embeddings of ${found.model}; 1.00 is the same picture.` : found.why_none;
  list.hidden = !found.photos.length;
  list.replaceChildren(...found.photos.map(tile));
  pictures(list);
}

function tile({ id, name, location, cosine, same }) {
  const near = `${cosine.toFixed(2)}${same ? ", the same" : ""}${location ? ` · ${location}` : ""}`;
  const text = element("span", "", "text", element("b", name), element("span", near, "soft"));
  const link = element("a", "", "", element("span", "", "frame", picture(id)), text);
  link.href = `/photos/${id}`;
  return element("li", "", "tile", link);
}
