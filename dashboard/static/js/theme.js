// Dark, light, or as the system has it: remembered, and set before the page is drawn.  No module, so
// that nothing is shown in the wrong colours first.
(() => {
  const KEY = "hft-theme";
  const CHOICES = ["auto", "dark", "light"];
  const root = document.documentElement;
  const kept = () => {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null; // Storage is forbidden: the system decides.
    }
  };
  const set = (choice) => {
    root.dataset.theme = CHOICES.includes(choice) ? choice : "auto";
    document.dispatchEvent(new Event("themechange"));
  };
  set(kept());
  matchMedia("(prefers-color-scheme: light)").addEventListener("change", () => set(root.dataset.theme));
  window.nextTheme = () => {
    const next = CHOICES[(CHOICES.indexOf(root.dataset.theme) + 1) % CHOICES.length];
    try {
      localStorage.setItem(KEY, next);
    } catch {
      // It holds for this page then.
    }
    set(next);
    return next;
  };
})();
