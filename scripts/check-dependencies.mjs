// "Dependencies" in CONTRIBUTING.md says of each package why it is there, and names those of package.json alone.
import { report, textOf } from './source-tree.mjs'

const KINDS = ['dependencies', 'peerDependencies', 'devDependencies']
const description = JSON.parse(textOf('package.json'))
const page = textOf('CONTRIBUTING.md')
const section = /^## Dependencies$([\s\S]*?)^## /m.exec(page)?.[1] ?? ''
const rows = [...section.matchAll(/^\| (`.+?`)\s*\| (.*?)\s*\|$/gm)]
const explained = rows.flatMap(([, names, why]) =>
  [...names.matchAll(/`([^`]+)`/g)].map(([, name]) => ({ name, why })),
)
const present = new Set(KINDS.flatMap((kind) => Object.keys(description[kind])))
const named = explained.map(({ name }) => name)
report(
  [
    ...[...present]
      .filter((name) => !named.includes(name))
      .map((name) => `${name} has no reason in "Dependencies"`),
    ...named
      .filter((name) => !present.has(name))
      .map((name) => `"Dependencies" names ${name}, which is not in package.json`),
    ...named
      .filter((name, index) => named.indexOf(name) < index)
      .map((name) => `"Dependencies" names ${name} twice`),
    ...explained
      .filter(({ why }) => why.length < 10)
      .map(({ name }) => `${name} has no reason in "Dependencies"`),
  ],
  `${present.size} packages have their reasons`,
)
