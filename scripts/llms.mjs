// Makes llms.txt, an index of the pages that are in the package, and llms-full.txt, all of them in one file, for a
// site: in the order of docs/README.md, without the hidden parts of pages, and with links to places of the one file.
//
//   node scripts/llms.mjs            fails on a page that docs/README.md does not name, and on a link that leads nowhere
//   node scripts/llms.mjs --write    writes both, at the root
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { report, root, textOf } from './source-tree.mjs'

const LINK = /\[([^\]]*)\]\((?!\w+:)([^)#\s]*)(?:#([\w-]+))?(?: ["'][^)]*)?\)/g
const INDEX = 'docs/README.md'
const { description, files: packed } = JSON.parse(textOf('package.json'))
const problems = []

/** What is for readers of the code is not for those who use the package. */
const INSIDE = /^(docs\/architecture\/|CONTRIBUTING|SECURITY)/
const listed = [...textOf(INDEX).matchAll(/\]\(([^)#]+\.md)\)/g)].map(([, link]) =>
  pathFrom(INDEX, link),
)
const pages = [...new Set(['README.md', ...listed])].flatMap(withFolder)
for (const name of readdirSync(join(root, 'docs'), { recursive: true }).sort()) {
  const page = `docs/${name.replaceAll('\\', '/')}`
  if (page.endsWith('.md') && page !== INDEX && !pages.includes(page))
    problems.push(`${INDEX} does not name ${page}`)
}

const shown = pages.filter((page) => !INSIDE.test(page))
const full = shown.map(pageText).join('\n\n')
if (process.argv.includes('--write')) {
  writeFileSync(join(root, 'llms.txt'), indexText())
  writeFileSync(join(root, 'llms-full.txt'), `${full}\n`)
}
report(problems, `${shown.length} pages in one of ${Math.round(full.length / 1_024)} KiB`)

function pathFrom(page, link) {
  return posix.normalize(posix.join(posix.dirname(page), link))
}

/** An index of a folder stands for its other pages as well. */
function withFolder(page) {
  if (!/^docs\/(architecture|reference\/api)\/README\.md$/.test(page)) return [page]
  const folder = posix.dirname(page)
  const names = [...textOf(page).matchAll(/\]\(([\w-]+\.md)\)/g)].map(([, link]) => link)
  return [page, ...new Set(names.map((name) => posix.join(folder, name)))]
}

function indexText() {
  const text = textOf(INDEX).replaceAll(
    /\]\(([^)#]+)\)/g,
    (_, link) => `](${pathFrom(INDEX, link)})`,
  )
  return text.replace(
    '# Documentation\n',
    `# Chancy\n\n> ${description}\n\nEach page is a Markdown file of this package.\n`,
  )
}

function pageText(page) {
  const shown = textOf(page).replaceAll(/^<!--[\s\S]*?-->\n\n?/gm, '')
  const places = new Set()
  const parts = shown
    .split(/^(```[\s\S]*?^```)$/m)
    .map((part) => (part.startsWith('```') ? part : prose(part)))
  return [`<a id="${placeOf(page)}"></a>`, '', parts.join('').trim()].join('\n')

  function prose(text) {
    return text
      .replaceAll(LINK, (...found) => linkIn(page, found))
      .replaceAll(/^#+ (.*)$/gm, (line, heading) => {
        const place = placeOf(page, slug(heading))
        if (places.has(place)) return line
        places.add(place)
        return `<a id="${place}"></a>\n\n${line}`
      })
  }
}

function linkIn(page, [, text, path, heading]) {
  const target = path === '' ? page : pathFrom(page, path).replace(/\/$/, '')
  const index = `${target}/README.md`
  const there =
    [target, index].find((one) => pages.includes(one)) ??
    (target === INDEX ? 'README.md' : undefined)
  if (there !== undefined) return `[${text}](#${placeOf(there, heading)})`
  if (!existsSync(join(root, target)))
    problems.push(`${page} links to ${target}, which does not exist`)
  // What is in the package is a file beside this one; the rest is named.
  const isPacked = packed.some((one) => target === one || target.startsWith(`${one}/`))
  if (isPacked) return `[${text}](${target})`
  return text.includes(posix.basename(target)) ? text : `${text} (${target} of the repository)`
}

function slug(heading) {
  return heading
    .toLowerCase()
    .replaceAll(/[^\w\s-]/g, '')
    .trim()
    .replaceAll(/\s/g, '-')
}

function placeOf(page, heading) {
  const base = page.replace(/\.md$/, '').replaceAll('/', '-').toLowerCase()
  return heading === undefined ? base : `${base}--${heading}`
}
