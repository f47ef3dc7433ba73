/** The reader's theme; without a choice the browser's preference holds. */
export type Theme = "light" | "dark";

export const THEME_KEY = "atropos-theme";

/** Runs before the first paint, so that a chosen theme does not flash. */
export const THEME_SCRIPT = `try{var t=localStorage.getItem("${THEME_KEY}");if(t==="light"||t==="dark")document.documentElement.dataset.theme=t}catch(e){}`;
