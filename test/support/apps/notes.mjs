import { Chancy } from 'chancy'
import { definePlugin, migration, statement } from 'chancy/plugin'

const add = statement('note_add', (t) => `INSERT INTO ${t.own('test_notes_all')} VALUES ($1::text)`)
const list = statement('note_list', (t) => `SELECT text FROM ${t.own('test_notes_all')} ORDER BY 1`)
const notes = definePlugin({
  name: 'test.notes',
  migrations: [
    migration(1, {
      up: (t) => [`CREATE TABLE ${t.own('test_notes_all')} (text text)`],
      down: (t) => [`DROP TABLE ${t.own('test_notes_all')}`],
    }),
  ],
  commands: [
    {
      name: 'note add <text> [times]',
      summary: 'keep a note',
      options: {
        upper: { type: 'flag', summary: 'in capitals' },
        prefix: { type: 'text', summary: 'before it', default: '' },
        repeat: { type: 'number', summary: 'how often', short: 'r', default: 1 },
      },
      run: async ({ database, run }, { text, upper, prefix, repeat, times }) => {
        const said = `${prefix}${upper ? String(text).toUpperCase() : text}`
        const all = Array.from({ length: Number(times ?? repeat) }, () => said)
        for (const one of all) await run(() => database.run(add, [one]))
        return { kept: all.length, first: all[0] ?? null }
      },
    },
    {
      name: 'note list',
      summary: 'all notes',
      run: ({ database, run }) => run(() => database.run(list, [])),
      isNo: (answer) => answer.length === 0,
    },
    {
      name: 'note <first-id>',
      summary: 'shows what it was given',
      options: { 'dry-run': { type: 'flag', summary: 's' }, rest: { type: 'text', summary: 's' } },
      run: (_, given) => given,
    },
    {
      name: 'note fail',
      summary: 'always fails',
      run: () => {
        throw new Error('on purpose')
      },
    },
  ],
})

const options = { schema: process.env.TEST_SCHEMA, plugins: [notes] }
export default new Chancy(process.env.TEST_URL, options)
export const second = new Chancy(process.env.TEST_URL, {
  ...options,
  schema: `${options.schema}_2`,
})
export const clashing = new Chancy(process.env.TEST_URL, {
  plugins: [
    { name: 'test.clash', commands: [{ name: 'migrate all', summary: 's', run: () => 'no' }] },
  ],
})
export const number = 7
// Something that keeps a process alive.
setInterval(() => {}, 1_000)
