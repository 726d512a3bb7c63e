import { defineConfig } from "vite";

// Built into the Python package, committed: whoever installs the worker has the console without Node.
export default defineConfig({
  base: "./",
  // What PortOne's secrets are called must not be readable here: no variable of the environment reaches the bundle.
  envPrefix: "CONSOLE_HAS_NO_VARIABLES_",
  build: {
    outDir: "../worker/console",
    emptyOutDir: true,
    target: "es2022",
    sourcemap: false,
    license: { fileName: "licenses.txt" },
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
