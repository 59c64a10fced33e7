// What the documents point at exists: each path in backticks, and each link to a file and to a heading in it.
import { execFileSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { report, root, textOf } from './source-tree.mjs'

const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.md'], { cwd: root })
const files = String(listed)
  .trim()
  .split('\n')
  .filter((file) => existsSync(join(root, file)) && !file.startsWith('node_modules'))
let count = 0
const problems = files.flatMap((file) => [...pathsOf(file), ...linksOf(file)])
report(problems, `${count} paths and links of ${files.length} documents exist`)

function pathsOf(file) {
  const paths = textOf(file).matchAll(/`((?:src|test|scripts|bench|docs|examples)\/[\w./@-]+)`/g)
  return [...paths].flatMap(([, path]) => {
    count++
    // A folder of plugins yet to be written.
    if (path.includes('/x/') || path.endsWith('/x')) return []
    // A page of a project that "chancy init" makes is read in that project.
    const isThere = [root, join(root, dirname(file))].some((from) => existsSync(join(from, path)))
    return isThere ? [] : [`${file} names ${path}, which does not exist`]
  })
}

function linksOf(file) {
  const links = textOf(file).matchAll(/\]\((?!\w+:)([^)#\s]*)(?:#([\w-]+))?\)/g)
  return [...links].flatMap(([, path, heading]) => {
    count++
    const target = path === '' ? file : join(dirname(file), path)
    if (!existsSync(join(root, target))) return [`${file} links to ${path}, which does not exist`]
    if (heading === undefined || !statSync(join(root, target)).isFile()) return []
    const isThere = headingsOf(target).includes(heading)
    return isThere ? [] : [`${file} links to #${heading}, which ${target} does not have`]
  })
}

function headingsOf(file) {
  const headings = textOf(file).matchAll(/^#+ (.*)$/gm)
  return [...headings].map(([, text]) =>
    text
      .toLowerCase()
      .replaceAll(/[^\w\s-]/g, '')
      .trim()
      .replaceAll(/\s/g, '-'),
  )
}
