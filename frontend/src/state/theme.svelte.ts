/** Light or dark: the system's choice until the reader makes another. */

const KEY = "maskmill.theme";

type Theme = "light" | "dark";

class ThemeChoice {
  value = $state<Theme>(initial());

  toggle(): void {
    this.value = this.value === "dark" ? "light" : "dark";
    localStorage.setItem(KEY, this.value);
    show(this.value);
  }
}

function initial(): Theme {
  const kept = localStorage.getItem(KEY);
  if (kept === "light" || kept === "dark") {
    show(kept);
    return kept;
  }
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

function show(theme: Theme): void {
  document.documentElement.dataset["theme"] = theme;
}

export const theme = new ThemeChoice();
