// Opens stores with ome-zarr.js, which renders them for a person, and reads every pixel with zarrita, on which it and
// viewers in the browser stand.
//
//     node open_stores.mjs MANIFEST
//
// MANIFEST is a JSON list of {"image": folder of an image, "version", "shape", "pixels": file with all pixels of level
// 0 in C order, little-endian, "varied": whether each plane has different pixels}. Prints a line for each image; ends
// with 1 where one is not as it should be.

import { readFile, open } from "node:fs/promises";
import { join } from "node:path";
import { NgffImage } from "ome-zarr.js";
import * as zarr from "zarrita";

// A folder as a store of zarrita: what is not there is told from what cannot be read.
function folder(root) {
  const missing = (error) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
    throw error;
  };
  return {
    get: (key) => readFile(join(root, key)).then((bytes) => new Uint8Array(bytes), missing),
    async getRange(key, range) {
      const file = await open(join(root, key)).catch(missing);
      if (file === undefined) return undefined;
      try {
        const { size } = await file.stat();
        const length = range.suffixLength ?? range.length;
        const offset = range.suffixLength === undefined ? range.offset : size - length;
        const bytes = new Uint8Array(length);
        const { bytesRead } = await file.read(bytes, 0, length, offset);
        return bytes.subarray(0, bytesRead);
      } finally {
        await file.close();
      }
    },
  };
}

function same(what, found, expected) {
  if (JSON.stringify(found) !== JSON.stringify(expected)) {
    throw new Error(`${what}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(found)}`);
  }
}

async function check({ image, version, shape, pixels, varied }) {
  const store = folder(image);
  const opened = await NgffImage.load(store);
  same("version", opened.getVersion(), version);
  same("shape", await opened.getShape(0), shape);
  const { data, width, height } = await opened.renderRgba({ arrayPathOrIndex: 0 });
  same("size of the picture", [height, width, data.length], [...shape.slice(-2), 4 * height * width]);
  const colors = new Set(data.filter((_, nth) => nth % 4 < 3)).size;
  if (varied && colors < 2) throw new Error("the picture has one color");

  const array = await zarr.open(zarr.root(store).resolve(opened.paths[0]), { kind: "array" });
  const read = await zarr.get(array);
  same("shape read by zarrita", read.shape, shape);
  const found = Buffer.from(read.data.buffer, read.data.byteOffset, read.data.byteLength);
  const expected = await readFile(pixels);
  if (!found.equals(expected)) throw new Error("zarrita reads other pixels");
}

let wrong = 0;
for (const each of JSON.parse(await readFile(process.argv[2], "utf8"))) {
  try {
    await check(each);
    console.log(`${each.image}: right`);
  } catch (error) {
    wrong += 1;
    console.log(`${each.image}: ${error.stack ?? error}`);
  }
}
process.exitCode = wrong > 0 ? 1 : 0;
