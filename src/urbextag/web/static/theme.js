// Light or dark before the first paint: as chosen here, else as the system has it.
(() => {
  const chosen = localStorage.getItem("theme");
  if (chosen) document.documentElement.dataset.theme = chosen;
})();
