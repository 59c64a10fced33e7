import { command } from '../../program/command.ts'

export const workflowCancel = command<{ readonly id: readonly string[] }>({
  name: 'workflow cancel <id...>',
  summary: 'cancel workflows and batches: nothing of them starts any more',
  async run(call, { id: ids }) {
    if (ids.length > 1) await call.confirm(`Cancel ${ids.length} workflows?`)
    const chancy = call.chancy()
    const rows: { id: string; verdict: string }[] = []
    for (const id of ids) rows.push({ id, verdict: await chancy.cancelWorkflow(id) })
    const isNo = rows.some(({ verdict }) => verdict === 'unknown' || verdict === 'finished')
    return { value: rows, isNo }
  },
})
