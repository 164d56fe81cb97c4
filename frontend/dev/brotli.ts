/**
 * `npm run build` writes NAME.br beside what compresses well: the site serves those bytes under the plain name.
 *
 * The content network compresses nothing as large as onnxruntime's wasm file by itself, which is a sixth of its size
 * afterwards.
 */
import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants } from "node:zlib";
import type { Plugin } from "vite";

const TEXTS = /\.(js|mjs|css|svg|wasm|onnx)$/;
const LARGE_BYTES = 1_000_000;
const QUALITY = { small: 11, large: 10 }; // the best takes half a minute for the wasm file, and wins a twentieth
const CACHE = "node_modules/.cache/maskmill-brotli"; // below the page's folder: the wasm file seldom changes

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
  const isLarge = plain.length > LARGE_BYTES;
  const kept = join(CACHE, `${createHash("sha256").update(plain).digest("hex")}-${QUALITY.large}.br`);
  const before = isLarge ? await readFile(kept).catch(() => null) : null;
  const small = before ?? (await compressed(plain, isLarge ? QUALITY.large : QUALITY.small));
  await writeFile(`${path}.br`, small);
  if (!isLarge || before !== null) return;
  await mkdir(CACHE, { recursive: true });
  await writeFile(kept, small);
}

function compressed(plain: Buffer, quality: number): Promise<Buffer> {
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: quality,
    [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
    [constants.BROTLI_PARAM_SIZE_HINT]: plain.length,
  };
  return promisify(brotliCompress)(plain, { params });
}
