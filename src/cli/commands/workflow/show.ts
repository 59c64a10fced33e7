import { Option } from 'commander'
import { ConfigError, NotFoundError } from '../../../core/errors.ts'
import { command } from '../../program/command.ts'
import { fieldsText, type Layout } from '../../terminal/table.ts'
import { dotText, mermaidText } from './graph-source.ts'
import { stepTree } from './step-tree.ts'
import { workflowFields } from './workflow-row.ts'

interface Given {
  readonly id: string
  readonly dot?: boolean
  readonly mermaid?: boolean
}

export const workflowShow = command<Given>({
  name: 'workflow show <id>',
  summary: 'show a workflow and its steps as a graph, or a batch',
  details:
    'Each step stands once, under the last of the steps that it waits for; the others are named beside it. The items of a map are counted; --json lists them.',
  options: [
    new Option('--dot', 'print the graph for Graphviz').conflicts(['mermaid', 'json']),
    new Option('--mermaid', 'print the graph for Mermaid').conflicts(['dot', 'json']),
  ],
  examples: [
    { text: 'Make a picture of it', command: 'chancy workflow show ID --dot | dot -Tsvg > it.svg' },
  ],
  watch: true,
  async run(call, { id, dot, mermaid }) {
    const workflow = await call.chancy().getWorkflow(id)
    if (workflow === null) {
      throw new NotFoundError('WORKFLOW_NOT_FOUND', `No workflow has the id ${id}.`, {
        details: { id },
      })
    }
    const { batch } = workflow
    if (batch !== null) {
      if (dot !== true && mermaid !== true)
        return {
          value: workflow,
          shown: (layout: Layout) => fieldsText(workflowFields(workflow), layout),
        }
      throw new ConfigError(`${id} is a batch, which has no graph. Leave out --dot and --mermaid.`)
    }
    if (dot === true) return { value: workflow, shown: dotText(workflow) }
    if (mermaid === true) return { value: workflow, shown: mermaidText(workflow) }
    const shown = (layout: Layout): string =>
      `${fieldsText(workflowFields(workflow), layout)}\n${stepTree(workflow, layout)}`
    return { value: workflow, shown }
  },
})
