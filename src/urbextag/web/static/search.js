// Search: the filters with their numbers come after the photos; another order is another address.
import { toast } from "./messages.js";

const aside = document.getElementById("facets");

async function count() {
  try {
    const answer = await fetch(aside.dataset.facets, { headers: { Accept: "text/html" } });
    if (!answer.ok) throw new Error("The filters could not be counted.");
    const part = new DOMParser().parseFromString(await answer.text(), "text/html");
    aside.replaceChildren(...part.body.childNodes);
  } catch (error) {
    toast(error.message, true);
  }
  aside.removeAttribute("aria-busy");
}

// after the pictures that are seen at first: counting takes the server as long as sending twenty of them
if (document.readyState === "complete") count();
else addEventListener("load", count);

for (const field of document.querySelectorAll("[data-submit]")) {
  field.addEventListener("change", () => field.form.submit());
}
