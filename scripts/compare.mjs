// For what is made by a script and kept in the repository: with --write it is written, without it is
// compared, and a difference fails and is shown.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { root } from './source-tree.mjs'

export function writeOrCompare(file, text) {
  const path = join(root, file)
  if (process.argv.includes('--write')) {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
    console.log(`${file} is written`)
  } else if (existsSync(path) && readFileSync(path, 'utf8') === text) {
    console.log(`${file} is up to date`)
  } else {
    if (existsSync(path)) console.error(difference(path, text))
    console.error(`${file} is stale: run node ${process.argv[1].slice(root.length)} --write`)
    process.exitCode = 1
  }
}

function difference(path, text) {
  const folder = mkdtempSync(join(tmpdir(), 'chancy-compare-'))
  const made = join(folder, 'made')
  writeFileSync(made, text)
  try {
    return execFileSync('git', ['diff', '--no-index', '--no-color', path, made], {
      encoding: 'utf8',
    })
  } catch (error) {
    // git ends with 1 when it finds a difference.
    return error.stdout
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
