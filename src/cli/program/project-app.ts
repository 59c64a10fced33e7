import { readFileSync } from 'node:fs'
import path from 'node:path'

/**
 * The application that the nearest `package.json` names, as `--app` takes it: `"chancy": { "app": "./src/app.ts" }`,
 * from the folder of that file.
 */
export function projectApp(folder = process.cwd()): string | undefined {
  for (let at = folder; ; at = path.dirname(at)) {
    const text = textOf(path.join(at, 'package.json'))
    if (text !== null) return appIn(text, at)
    if (path.dirname(at) === at) return undefined
  }
}

function textOf(file: string): string | null {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return null
  }
}

function appIn(text: string, folder: string): string | undefined {
  try {
    const { chancy } = JSON.parse(text) as { readonly chancy?: { readonly app?: unknown } }
    return typeof chancy?.app === 'string' ? path.resolve(folder, chancy.app) : undefined
  } catch {
    // npm says what is wrong with it.
    return undefined
  }
}
