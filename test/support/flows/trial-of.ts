import { diamond, fanIn, layers, randomOf, randomPlan } from './graph.ts'
import { runTrial, type TrialReport } from './trial.ts'

/** The trial of a seed: random graphs beside a fan-in, a diamond and dense layers. `isHard`: sessions vanish, cancel and forget. */
export function trialOf({
  url,
  schema,
  seed,
  isHard,
  graphs = 25,
}: {
  url: string
  schema: string
  seed: number
  isHard: boolean
  graphs?: number
}): Promise<TrialReport> {
  const random = randomOf(seed)
  const plans = [
    ...Array.from({ length: graphs }, () => randomPlan(random, 4 + Math.floor(random() * 16))),
    ...[fanIn(40), diamond(30), layers(3, 10)],
  ]
  return runTrial({
    url,
    schema,
    seed,
    plans,
    sessions: 8,
    failing: 0.15,
    dropping: isHard ? 0.3 : 0,
    vanishing: isHard ? 0.05 : 0,
    cancelling: isHard ? 0.2 : 0,
    batch: 1 + (seed % 5) * 4,
  })
}
