// How sure a tag must be: marks that are moved, what would appear and vanish, and saving them.
import { call } from "./api.js";
import { count, element, guarded, percent, picture } from "./dom.js";
import { pictures } from "./looks.js";
import { toastLater } from "./messages.js";

const WAIT_MS = 150;

export function thresholds(section) {
  const all = section.querySelector('[data-facet=""]');
  const rows = [...section.querySelectorAll(".mark[data-standard]")];
  const saved = { threshold: number(section.dataset.all), own: Object.fromEntries(rows.map((row) => [row.dataset.facet, number(row.dataset.own)])) };
  let wanted = structuredClone(saved);
  let timer = 0;
  let asked = 0;

  function show() {
    put(all, wanted.threshold ?? Number(all.querySelector("input").value), wanted.threshold !== null, wanted.threshold === null ? "usual" : null);
    for (const row of rows) {
      const own = wanted.own[row.dataset.facet];
      put(row, own ?? wanted.threshold ?? Number(row.dataset.standard), own !== null);
    }
    const same = JSON.stringify(wanted) === JSON.stringify(saved);
    section.querySelector("[data-save]").disabled = same;
    section.querySelector("[data-back]").disabled = same;
    clearTimeout(timer);
    timer = setTimeout(preview, WAIT_MS);
  }

  function body() {
    const thresholds = Object.fromEntries(Object.entries(wanted.own).filter(([, value]) => value !== null));
    return { threshold: wanted.threshold, thresholds };
  }

  async function preview() {
    const sum = section.querySelector("[data-sum]");
    sum.classList.add("waiting");
    const mine = ++asked;
    let found;
    try {
      found = await call("POST", "/api/v1/settings/thresholds/preview", body());
    } catch (error) {
      found = error;
    }
    if (mine !== asked) return; // a mark was moved since
    sum.classList.remove("waiting");
    sum.textContent = found instanceof Error ? found.message : inWords(found);
    if (found instanceof Error) return;
    for (const effect of found.facets) {
      const row = rows.find((one) => one.dataset.facet === effect.facet);
      row.querySelector("[data-effect]").replaceChildren(...parts(effect));
      pictures(row);
    }
  }

  for (const row of [all, ...rows]) {
    row.querySelector("input").addEventListener("input", (event) => {
      const value = Number(event.target.value);
      if (row === all) wanted.threshold = value;
      else wanted.own[row.dataset.facet] = value;
      show();
    });
    row.querySelector("[data-usual]").addEventListener("click", () => {
      if (row === all) wanted.threshold = null;
      else wanted.own[row.dataset.facet] = null;
      show();
      row.querySelector("input").focus();
    });
  }
  section.querySelector("[data-back]").addEventListener("click", () => {
    wanted = structuredClone(saved);
    show();
  });
  section.querySelector("[data-save]").addEventListener("click", guarded(async () => {
    const said = await call("PATCH", "/api/v1/settings", { taxonomy: body() });
    toastLater(said.message);
    location.hash = "outdated";
    location.reload();
  }));
}

function number(text) {
  return text === "" ? null : Number(text);
}

function put(row, value, own, word) {
  row.querySelector("input").value = value;
  row.querySelector("output").textContent = word ?? value.toFixed(2);
  row.querySelector("[data-usual]").hidden = !own;
  row.classList.toggle("own", own);
}

function inWords({ photos, of, changed, appear, vanish }) {
  if (!photos) return "No photo has been tagged yet, so there is nothing to try this on.";
  const tried = photos === of ? `all ${count(photos, "photo")}` : `${count(photos, "photo")} spread over ${of.toLocaleString()}`;
  if (!appear && !vanish) return `On ${tried}: no tag would appear or vanish.`;
  return `On ${tried}: ${count(appear, "tag")} would appear and ${vanish.toLocaleString()} vanish, on ${count(changed, "photo")}.`;
}

function parts(effect) {
  if (!effect.appear && !effect.vanish) return [];
  const line = element("p", `${count(effect.tags_today, "tag")} → ${effect.tags_then.toLocaleString()}`, "soft");
  const moved = [...effect.appearing.map((one) => entry(one, "appear", "+")), ...effect.vanishing.map((one) => entry(one, "vanish", "−"))];
  return [line, element("ul", "", "moved", ...moved)];
}

function entry(moved, kind, sign) {
  const [sha, sure] = moved.examples[0];
  const times = element("span", ` ${sign}${moved.photos.toLocaleString()}`, "soft");
  const link = element("a", "", "", picture(sha), element("span", moved.label, kind), times);
  link.href = `/photos/${sha}`;
  link.title = `${kind === "appear" ? "would appear" : "would vanish"}; here ${percent(sure)} sure`;
  return element("li", "", "", link);
}
