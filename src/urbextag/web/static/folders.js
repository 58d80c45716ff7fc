// The folder picker (macro `folder_picker`): folders come by ids that the server gave out.
import { call } from "./api.js";
import { element } from "./dom.js";
import { toast } from "./messages.js";

/** Tells of each folder that is looked into: {folder, path, photos}; folder is null at first. Returns what begins it. */
export function folderPicker(box, picked) {
  const list = box.querySelector("[data-folders]");
  const up = box.querySelector("[data-up]");

  async function look(id) {
    let found;
    try {
      found = await call("GET", `/api/v1/folders${id ? `?at=${id}` : ""}`);
    } catch (error) {
      toast(error.message, true);
      return;
    }
    list.replaceChildren(...found.folders.map(entry));
    if (found.more) list.append(element("li", `… and ${found.more.toLocaleString()} more folders`, "soft"));
    if (found.folder && !found.folders.length) list.append(element("li", "No folders in here", "soft"));
    box.querySelector("[data-path]").textContent = found.path || "Choose where to begin";
    up.hidden = !found.folder;
    up.dataset.id = found.parent?.id ?? "";
    picked(found);
  }

  function entry(folder) {
    const button = element("button", `📁 ${folder.name}`);
    button.type = "button";
    button.addEventListener("click", () => look(folder.id));
    return element("li", "", "", button);
  }

  up.addEventListener("click", () => look(up.dataset.id || null));
  return () => look(null);
}
