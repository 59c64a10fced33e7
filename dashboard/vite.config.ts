import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'

/** Where `npm run dashboard:dev` finds the API: `chancy dashboard`, or `npm run demo -- --http`. */
const API = process.env.CHANCY_API ?? 'http://127.0.0.1:8000'

/** What the first page shows of the lists of other pages. */
const FIRST =
  /pages\/(overview|page-view|whole-page)|\/(queue-table|action-list|failure-list)\.tsx$/

/**
 * Two files, beside those of charts and graphs: the first page with its parts, and the other pages. More of them would
 * compress worse, by a tenth.
 */
function chunkOf(id: string): string | undefined {
  if (/chart-drawing|uplot|graph-|main\.tsx|index\.html|pages\/overview/.test(id)) return undefined
  if (/dashboard\/pages\//.test(id)) return FIRST.test(id) ? 'parts' : 'pages'
  if (/bulk-dialog|json-tree|filter-(box|sheet)|\/graph\.tsx/.test(id)) return 'pages'
  return 'parts'
}

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  // Every address is relative to the page's <base>, so that a sub-path needs no build of its own.
  base: './',
  build: {
    outDir: fileURLToPath(new URL('../dist/dashboard', import.meta.url)),
    emptyOutDir: true,
    manifest: true,
    // Where `light-dark()` and modules in workers are understood.
    target: ['chrome123', 'firefox120', 'safari17.5'],
    // The policy refuses scripts and styles in the page, and data: addresses.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    rollupOptions: { output: { manualChunks: chunkOf } },
  },
  esbuild: { jsx: 'automatic', jsxImportSource: 'preact', legalComments: 'none' },
  worker: { format: 'es' },
  plugins: [
    {
      name: 'base-of-the-dev-server',
      apply: 'serve',
      transformIndexHtml: () => [
        { tag: 'base', attrs: { href: '/' }, injectTo: 'head-prepend' as const },
      ],
    },
  ],
  server: {
    // `/api` alone would take the modules of the folder api too.
    proxy: { '/api/v1': { target: API, headers: { Host: new URL(API).host, Origin: API } } },
  },
})
