import { describe, expect, it } from 'vitest'
import {
  bucketBelow,
  bucketOf,
  middleOf,
  quantile,
  Sketch,
  TIMES,
  upperBoundOf,
  VALUES,
} from '../../../src/plugins/metrics/sketch.ts'

/** Numbers from 0 to 1 that are the same in every run. */
function* seeded(): Generator<number, never> {
  let state = 0x2545f491
  for (;;) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    yield ((state >>> 0) + 0.5) / 2 ** 32
  }
}
const numbers = seeded()
const random = (): number => numbers.next().value
const normal = (): number => Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random())

const COUNT = 50_000
/** In milliseconds. */
const distributions: Record<string, () => number> = {
  'exponential, as waits of a queue under load': () => -Math.log(random()) * 40,
  'log-normal, as most run times': () => Math.exp(3 + 1.5 * normal()),
  'of two kinds of jobs, ten thousand times apart': () =>
    random() < 0.7 ? 0.05 + random() * 0.2 : 900 + random() * 400,
}

describe('a sketch', () => {
  for (const [name, draw] of Object.entries(distributions)) {
    it(`has every percentile within 5 % of the sorted values: ${name}`, () => {
      const sketch = new Sketch(TIMES)
      const values = Array.from({ length: COUNT }, draw)
      for (const value of values) sketch.add(value, 1_000)
      values.sort((a, b) => a - b)
      const buckets = [...sketch.buckets()]
      for (const q of [0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999]) {
        const exact = values[Math.ceil(q * COUNT) - 1]!
        const found = quantile(buckets, q)! / 1_000
        expect(Math.abs(found / exact - 1), `p${q * 100}: ${found} for ${exact}`).toBeLessThan(0.05)
      }
      expect(sketch).toMatchObject({ count: COUNT, max: values.at(-1) })
      expect(sketch.sum).toBeCloseTo(
        values.reduce((a, b) => a + b, 0),
        3,
      )
    })
  }

  it('takes each value for one that is at most 4.5 % off', () => {
    for (let exponent = 0; exponent < 43; exponent += 0.01) {
      const value = 2 ** exponent
      const off = Math.abs(middleOf(bucketOf(value)) / value - 1)
      expect(off).toBeLessThan(0.045)
    }
  })

  it('merges exactly: the sum of parts has the buckets of the whole', () => {
    const [whole, left, right] = [0, 1, 2].map(() => new Sketch(TIMES)) as [Sketch, Sketch, Sketch]
    for (let n = 0; n < 10_000; n++) {
      const value = Math.exp(normal() * 4)
      whole.add(value)
      ;(n % 3 === 0 ? left : right).add(value)
    }
    left.merge(right)
    expect([...left.buckets()]).toEqual([...whole.buckets()])
    expect(left.count).toBe(whole.count)
    expect(left.max).toBe(whole.max)
  })

  it('keeps what lies outside of its range in the outermost bucket', () => {
    const times = new Sketch(TIMES)
    for (const value of [0, 1e-9, 1e30]) times.add(value, 1_000)
    expect([...times.buckets()]).toEqual([
      [TIMES.lowest, 2],
      [TIMES.highest, 1],
    ])
    const values = new Sketch(VALUES)
    for (const value of [0, 1e-6, 1, 1e12]) values.add(value)
    expect([...values.buckets()].map(([bucket]) => bucket)).toEqual([
      VALUES.lowest,
      ...[1e-6, 1, 1e12].map(bucketOf),
    ])
  })

  it('counts nothing after it was cleared, and has no quantile then', () => {
    const sketch = new Sketch(TIMES)
    sketch.add(5)
    sketch.clear()
    expect([...sketch.buckets()]).toEqual([])
    expect(sketch).toMatchObject({ count: 0, sum: 0, max: 0 })
    expect(quantile([], 0.5)).toBeNull()
  })

  it('has a bucket that ends at each power of two, for the buckets of Prometheus', () => {
    for (const exponent of [-3, 0, 1, 10, 32])
      expect(upperBoundOf(bucketBelow(exponent))).toBe(2 ** exponent)
  })
})
