import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defaultClientConditions } from "vite";
import { defineConfig } from "vitest/config";
import { brotli } from "./dev/brotli.ts";
import { laptop } from "./dev/laptop.ts";

export default defineConfig({
  plugins: [svelte(), laptop(process.env["MASKMILL_STATE"] ?? "../.maskmill"), brotli()],
  // onnxruntime without its own copy of the wasm file, which the page serves itself (src/segment/decoder.worker.ts)
  resolve: { conditions: ["onnxruntime-web-use-extern-wasm", ...defaultClientConditions] },
  build: { target: "es2023", assetsInlineLimit: 0, modulePreload: { polyfill: false }, reportCompressedSize: false },
  worker: { format: "es" },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
});
