// docs/introduction.md, followed literally in an empty folder with the packed package.
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { followPage } from './follow-page.mjs'
import { packedFolder } from './fresh-clone.mjs'
import { root } from './source-tree.mjs'

const { folder: packed } = packedFolder('introduction')
const folder = join(packed, 'empty')
mkdirSync(folder)
const { DATABASE_URL: _, ...env } = process.env
const page = readFileSync(join(root, 'docs', 'introduction.md'), 'utf8')
try {
  await followPage(page, { clone: root, packed, folder, env })
  console.log('the introduction does what it says')
} catch (error) {
  console.error(`docs/introduction.md: ${error.message}`)
  process.exitCode = 1
}
