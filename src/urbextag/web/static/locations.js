// The list of locations: crops of the pictures, and choices that take effect at once.
import { focal } from "./focal.js";

focal(document);
document.addEventListener("urbextag:refreshed", (event) => focal(event.detail));

const form = document.getElementById("place-filter");
form?.addEventListener("change", (event) => {
  if (event.target.matches("select, input[type=checkbox]")) form.requestSubmit();
});
form?.addEventListener("submit", () => {
  // What asks for nothing stays out of the address; the fields come back where the page does.
  const idle = [...form.elements].filter((field) => field.name && (!field.value || (field.name === "sort" && field.value === "name")));
  for (const field of idle) field.disabled = true;
  setTimeout(() => idle.forEach((field) => (field.disabled = false)), 0);
});
