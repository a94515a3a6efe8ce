import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const backend = process.env.MC_BACKEND ?? "http://127.0.0.1:8000";
const proxied = { target: backend, changeOrigin: false };

/** What the entry imports without waiting: it goes into one file, because each further one is a request. */
const firstLoad = new Set<string>();
const collectFirstLoad: Plugin = {
  name: "collect-first-load",
  buildEnd() {
    const waiting = [...this.getModuleIds()].filter((id) => this.getModuleInfo(id)?.isEntry);
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
      if (firstLoad.has(id)) continue;
      firstLoad.add(id);
      waiting.push(...(this.getModuleInfo(id)?.importedIds ?? []));
    }
  },
};

/** The server sends the sibling a browser accepts, so nothing is compressed while somebody waits. */
const precompress: Plugin = {
  name: "precompress",
  apply: "build",
  writeBundle({ dir = "" }, bundle) {
    for (const name of Object.keys(bundle).filter((file) => /\.(js|css)$/.test(file))) {
      const bytes = readFileSync(join(dir, name));
      writeFileSync(join(dir, `${name}.gz`), gzipSync(bytes, { level: 9 }));
      writeFileSync(join(dir, `${name}.br`), brotliCompressSync(bytes));
    }
  },
};

export default defineConfig({
  plugins: [react(), tailwindcss(), collectFirstLoad, precompress],
  resolve: { alias: { "@": new URL("./src", import.meta.url).pathname } },
  // Django replaces the placeholder by the nonce of each response.
  html: { cspNonce: "__CSP_NONCE__" },
  server: {
    port: 5173,
    strictPort: false,
    proxy: {
      "/api": proxied,
      "/admin": proxied,
      "/static": proxied,
      "/ws": { target: backend.replace(/^http/, "ws"), ws: true, changeOrigin: false },
    },
  },
  build: {
    outDir: "dist",
    emptyOutDir: true,
    manifest: "manifest.json",
    assetsDir: "assets",
    // A data: URL would need `img-src data:` or `font-src data:` in the CSP.
    assetsInlineLimit: 0,
    target: "es2022",
    reportCompressedSize: false,
    rolldownOptions: {
      output: { codeSplitting: { groups: [{ name: "first", test: (id) => firstLoad.has(id) }] } },
    },
  },
  test: {
    environment: "jsdom",
    setupFiles: ["src/testing/setup.ts"],
    include: ["src/**/*.test.{ts,tsx}"],
    css: false,
    restoreMocks: true,
    testTimeout: 20_000,
  },
});
