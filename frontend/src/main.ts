/** Where the page begins: the one place that builds things by name. */
import { mount } from "svelte";
import App from "./App.svelte";
import "./app.css";
import { loadConfig } from "./config.ts";
import { router } from "./router.svelte.ts";
import { startApp } from "./state/app.svelte.ts";

const target = document.getElementById("app");
if (target === null) throw new Error("the page has no #app");
router.follow();
mount(App, { target });
void startApp(loadConfig);
