import { setTimeout as sleep } from 'node:timers/promises'
import type { TestProxy } from '../../support/proxy.ts'
import type { FaultContext, Mix } from '../faults/mixes.ts'
import { mixes } from '../faults/mixes.ts'

/** What workers and producers of workflows send, whose reply may be lost after its commit. */
const OF_WORKERS = ['flow_1', 'finish_2', 'claim_1', 'recover_2', 'sweep_flows_1', 'renew', '']
const OF_PRODUCERS = ['push_flow_1', 'cancel_flow_1', 'retry_flow_1', 'cancel_1', '']

/** The faults of the workers of workflows, `producer` being the proxy of what pushes, cancels and retries. */
export function flowFaults(producer: TestProxy, { isAlone }: { isAlone: boolean }): Mix[] {
  const common = [kills, replies(producer), replies(producer)]
  const named = (...names: string[]): Mix[] => mixes.filter(({ name }) => names.includes(name))
  // What ends sessions and restarts the server needs one that no other test uses.
  return [...common, ...named('stops'), ...(isAlone ? named('sessions', 'restarts') : [])]
}

export const kills: Mix = {
  name: 'kills',
  about: 'workers are killed, one or three at a time',
  strike: async ({ fleet, luck, note }: FaultContext) => {
    await sleep(luck.between(300, 2_000))
    const { idle } = fleet
    const count = luck.next() < 0.3 ? 3 : 1
    // One is left, or the loss of all of them would look like an outage of the server.
    const victims = idle.slice(0, Math.min(count, idle.length - 1))
    for (const member of victims) {
      const { pid } = member.process
      note({ kind: 'kill', pid, from: Date.now(), to: Date.now(), mayRepeat: true })
      member.process.kill('SIGKILL')
      fleet.replace(member)
    }
  },
}

const replies = (producer: TestProxy): Mix => ({
  name: 'replies',
  about: 'the reply to a statement of workflows is lost after its commit',
  strike: async ({ fleet, luck, note }) => {
    await sleep(luck.between(100, 300))
    const isOfProducer = luck.next() < 0.4 || fleet.idle.length === 0
    const proxy = isOfProducer ? producer : luck.pick(fleet.idle).proxy
    const cut = proxy.cutReplies(luck.pick(isOfProducer ? OF_PRODUCERS : OF_WORKERS))
    const hit = await Promise.race([cut.hit.then(() => true), sleep(500)])
    cut.stop()
    if (hit) note({ kind: 'reply', pid: null, from: Date.now(), to: Date.now(), mayRepeat: false })
  },
})
