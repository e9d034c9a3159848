import { defineConfig } from "vitest/config";

export default defineConfig({
  base: "/static/web/",
  resolve: {
    // The usual one compiles WebAssembly as soon as it is imported, which a strict Content-Security-Policy refuses.
    alias: {
      "meshoptimizer/decoder": new URL("node_modules/meshoptimizer/meshopt_decoder_reference.js", import.meta.url).pathname,
    },
  },
  build: {
    outDir: "dist",
    manifest: true,
    target: "es2022",
    // Fonts and pictures stay files: a strict Content-Security-Policy refuses data: fonts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 4000,
    rolldownOptions: { input: { map: "src/map/main.ts", screen: "src/screen/main.ts", director: "src/director/main.ts", plan: "src/plan/main.ts", ogc: "src/ogc/main.ts", video: "src/video/main.ts", recordings: "src/video/recordings/main.ts", findings: "src/video/findings/main.ts" } },
  },
  // The map library's worker is an ES module and is served by ourselves.
  worker: { format: "es" },
  test: { include: ["tests/**/*.test.ts"], environment: "node" },
});
