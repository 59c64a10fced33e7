import type pg from 'pg'

/** One node of an executed plan, with what it read. */
export interface PlanNode {
  readonly node: string
  readonly relation: string | null
  readonly index: string | null
  /** Rows that it gave and rows that it threw away, over all its loops. */
  readonly kept: number
  readonly dropped: number
}

type Json = Record<string, unknown>

/**
 * Runs a statement and returns the nodes of every plan that was executed for it, also inside of
 * functions. Needs a superuser, for auto_explain.
 */
export async function plansOf(
  client: pg.Client,
  text: string,
  values: readonly unknown[] = [],
): Promise<PlanNode[]> {
  await client.query(`LOAD 'auto_explain'`)
  for (const [name, value] of Object.entries(SETTINGS)) await client.query(`SET ${name} = ${value}`)
  const nodes: PlanNode[] = []
  const listen = ({ message }: { message?: string | undefined }): void => {
    const start = message?.indexOf('{') ?? -1
    if (message?.startsWith('duration:') && start >= 0) collect(JSON.parse(message.slice(start)))
  }
  const collect = ({ Plan }: { Plan?: Json }): void => walk(Plan, nodes)
  client.on('notice', listen)
  try {
    await client.query(text, [...values])
  } finally {
    client.off('notice', listen)
    await client.query('SET auto_explain.log_min_duration = -1')
  }
  return nodes
}

const SETTINGS = {
  'auto_explain.log_min_duration': '0',
  'auto_explain.log_analyze': 'on',
  'auto_explain.log_timing': 'off',
  'auto_explain.log_format': 'json',
  'auto_explain.log_nested_statements': 'on',
  client_min_messages: 'log',
}

function walk(plan: Json | undefined, into: PlanNode[]): void {
  if (plan === undefined) return
  const number = (name: string): number => Number(plan[name] ?? 0)
  const loops = number('Actual Loops')
  const removed = ['Rows Removed by Filter', 'Rows Removed by Join Filter'].map(number)
  into.push({
    node: String(plan['Node Type']),
    relation: (plan['Relation Name'] as string | undefined) ?? null,
    index: (plan['Index Name'] as string | undefined) ?? null,
    kept: number('Actual Rows') * loops,
    dropped: removed.reduce((sum, one) => sum + one, 0) * loops,
  })
  for (const child of (plan.Plans as Json[] | undefined) ?? []) walk(child, into)
}
