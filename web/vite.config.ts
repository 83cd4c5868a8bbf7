/* Builds web/dist: index.html and assets/NAME-HASH.EXT, each with a .br and a .gz beside it that the
 * server sends as they are. `vite` alone serves the sources and asks a running `autostream serve`. */
import { readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

/** Writes FILE.br and FILE.gz beside each file that was built. */
function precompress(): Plugin {
    let root = "";
    return {
        name: "precompress",
        apply: "build",
        configResolved(config) {
            root = config.build.outDir;
        },
        closeBundle() {
            for (const name of readdirSync(root, { recursive: true, encoding: "utf8" })) {
                const path = join(root, name);
                if (!statSync(path).isFile() || /\.(br|gz)$/.test(name)) continue;
                const bytes = readFileSync(path);
                const params = {
                    [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
                    [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
                };
                writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params }));
                writeFileSync(`${path}.gz`, gzipSync(bytes, { level: constants.Z_BEST_COMPRESSION }));
            }
        },
    };
}

/** The first picture waits for the script, which sets theme and language: no flash of another theme. */
function drawOnce(): Plugin {
    return {
        name: "draw-once",
        transformIndexHtml: { order: "post", handler: (html) => html.replace('<script type="module"', '<script type="module" blocking="render"') },
    };
}

export default defineConfig({
    build: {
        target: "es2021",
        modulePreload: { polyfill: false },
        assetsInlineLimit: 0, // the content security policy allows no script inside the page
        reportCompressedSize: false,
    },
    plugins: [drawOnce(), precompress()],
    server: { proxy: { "/api": process.env["AUTOSTREAM_URL"] ?? "http://127.0.0.1:8080" } },
});
