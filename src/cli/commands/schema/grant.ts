import { grant as grantRole, grantSql, type RoleKind } from '../../../index.ts'
import { pluginsOf } from '../../../plugin/index.ts'
import { command } from '../../program/command.ts'

interface Given {
  readonly kind: RoleKind
  readonly role: string
}

const KINDS = 'producer, worker, reader or operator'

export const grant = command<Given>({
  name: 'grant <kind> <role>',
  summary: `let a role be a ${KINDS}; as the owner of the schema`,
  examples: [{ text: 'Let the role app push jobs', command: 'chancy grant producer app' }],
  async run(call, { kind, role }) {
    await grantRole(call.chancy(), kind, role)
    const shown = `The role ${role} is ${kind === 'operator' ? 'an' : 'a'} ${kind} now.`
    return { value: { role, kind }, shown }
  },
})

export const showGrant = command<Given>({
  name: 'show-grant <kind> <role>',
  summary: 'print the SQL of "grant", and connect to nothing',
  async run({ app, global: { schema } }, { kind, role }) {
    const own =
      app === null
        ? { ...(schema === undefined ? {} : { schema }) }
        : { schema: app.internals.database.names.plainSchema, plugins: pluginsOf(app) }
    return { value: grantSql(kind, role, own).trimEnd() }
  },
})
