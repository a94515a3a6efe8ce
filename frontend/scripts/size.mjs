// Fails when what the browser must load before the first data grows past its budget.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const dist = new URL(`${process.argv[2] ?? "../dist"}/`, import.meta.url);
const manifest = JSON.parse(readFileSync(new URL("manifest.json", dist), "utf8"));
const budget = { js: 170, css: 12, files: 2 };

const entry = Object.values(manifest).find((chunk) => chunk.isEntry);
const files = { js: new Set(), css: new Set() };
function collect(chunk) {
  if (files.js.has(chunk.file)) return;
  files.js.add(chunk.file);
  for (const css of chunk.css ?? []) files.css.add(css);
  for (const key of chunk.imports ?? []) collect(manifest[key]);
}
collect(entry);
const kb = (list) =>
  [...list].reduce((sum, f) => sum + gzipSync(readFileSync(new URL(f, dist))).length, 0) / 1000;

let failed = false;
for (const kind of ["js", "css"]) {
  const size = kb(files[kind]);
  if (size > budget[kind] || files[kind].size > budget.files) failed = true;
  console.log(`entry ${kind}: ${size.toFixed(1)} kB gz of ${budget[kind]} kB (${files[kind].size} files)`);
}
process.exit(failed ? 1 : 0);
