import { Assets, type EntryFiles } from './assets.ts'
import { textResponse } from './headers.ts'

const TYPE = 'text/html; charset=utf-8'

/** How the page is answered, where something about the request is wrong. */
export interface PageAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
}

/** Serves the page of the dashboard, and its files. */
export class PageServer {
  readonly #assets = new Assets()

  /** A file of the dashboard, or null when the path is none of those. */
  asset(request: Request, path: string): Promise<Response | null> {
    return this.#assets.answer(request, path.slice(1))
  }

  /** The page, which finds out by its path what it shows. */
  async page(
    request: Request,
    basePath: string,
    answer: PageAnswer = { status: 200, headers: {} },
  ): Promise<Response> {
    const entry = await this.#assets.entry()
    if (entry === null) return notBuilt(request)
    const headers = { 'cache-control': 'private, no-cache', ...answer.headers }
    const text = pageText(entry, basePath)
    return textResponse(request, { status: answer.status, type: TYPE, text, headers })
  }
}

/** Everything in it is relative to the base, so that a mount below a path needs no build. */
function pageText({ script, styles, preloads }: EntryFiles, basePath: string): string {
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    `<base href="${attribute(basePath)}/">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    '<title>Chancy</title>',
    '<link rel="icon" href="favicon.svg" type="image/svg+xml">',
    ...styles.map((name) => `<link rel="stylesheet" href="${attribute(name)}">`),
    ...preloads.map((name) => `<link rel="modulepreload" href="${attribute(name)}">`),
    `<script type="module" src="${attribute(script)}"></script>`,
    '</head>',
    '<body>',
    '<div id="app"></div>',
    '<noscript>The dashboard needs JavaScript. The API below api/v1 does not.</noscript>',
    '</body>',
    '</html>',
    '',
  ].join('\n')
}

function notBuilt(request: Request): Promise<Response> {
  const text =
    '<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>Chancy</title></head>\n<body>\n' +
    '<h1>The dashboard is not built</h1>\n<p>This is a clone of the repository. Run <code>npm run build:dashboard</code>, ' +
    'then start this process again. The API below <code>api/v1</code> works without it.</p>\n</body>\n</html>\n'
  return textResponse(request, {
    status: 503,
    type: TYPE,
    text,
    headers: { 'cache-control': 'no-store' },
  })
}

function attribute(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;')
}
