import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

/** Ignored by git: figures belong to the machine that measured them. */
const FOLDER = fileURLToPath(new URL('../results/', import.meta.url))

/** Writes a file of results, over an earlier one of that name. Returns its path, to be shown. */
export function writeResult(name: string, content: string): string {
  mkdirSync(FOLDER, { recursive: true })
  writeFileSync(path.join(FOLDER, name), content)
  return `bench/results/${name}`
}

export function writeJson(name: string, value: unknown): string {
  return writeResult(name, `${JSON.stringify(value, null, 2)}\n`)
}
