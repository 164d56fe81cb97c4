/**
 * `npm run build` writes NAME.br beside what compresses well: the site serves those bytes under the plain name.
 *
 * The content network compresses nothing as large as onnxruntime's wasm file by itself, which is a fifth of its size
 * afterwards.
 */
import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants } from "node:zlib";
import type { Plugin } from "vite";

const TEXTS = /\.(js|mjs|css|svg|wasm|onnx)$/;
const LARGE_BYTES = 1_000_000;
const QUALITY = { small: 11, large: 9 }; // one more would take a quarter of a minute for the wasm file, and win a tenth

export function brotli(): Plugin {
  return {
    name: "maskmill-brotli",
    apply: "build",
    writeBundle: async ({ dir }) => {
      if (dir === undefined) return;
      const names = (await readdir(dir, { recursive: true })).filter((name) => TEXTS.test(name));
      await Promise.all(names.map((name) => compress(join(dir, name))));
    },
  };
}

async function compress(path: string): Promise<void> {
  const plain = await readFile(path);
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: plain.length > LARGE_BYTES ? QUALITY.large : QUALITY.small,
    [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
    [constants.BROTLI_PARAM_SIZE_HINT]: plain.length,
  };
  await writeFile(`${path}.br`, await promisify(brotliCompress)(plain, { params }));
}
