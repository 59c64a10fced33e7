// docs/introduction.md, followed literally in an empty folder with the tarball of a fresh clone.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { followPage } from './follow-page.mjs'
import { freshFolders } from './fresh-clone.mjs'
import { root } from './source-tree.mjs'

const { clone, empty } = freshFolders('introduction')
const { DATABASE_URL: _, ...env } = process.env
const page = readFileSync(join(root, 'docs', 'introduction.md'), 'utf8')
try {
  // What the page says of the tarball, in words.
  await followPage('```sh\nnpm ci && npm pack\n```', { clone, folder: empty, env })
  await followPage(page, { clone, folder: empty, env })
  console.log('the introduction does what it says')
} catch (error) {
  console.error(`docs/introduction.md: ${error.message}`)
  process.exitCode = 1
}
