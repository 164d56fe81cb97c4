import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";
import { laptop } from "./dev/laptop.ts";

export default defineConfig({
  plugins: [svelte(), laptop(process.env["MASKMILL_STATE"] ?? "../.maskmill")],
  build: { target: "es2023", assetsInlineLimit: 0, modulePreload: { polyfill: false }, reportCompressedSize: false },
  worker: { format: "es" },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
});
