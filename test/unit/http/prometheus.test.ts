import { expect, it } from 'vitest'
import { toOpenMetrics } from '../../../src/http/prometheus.ts'

it('OpenMetrics names a counter without the suffix of its samples, and says its end', () => {
  const text = `# HELP a_total Counted.
# TYPE a_total counter
a_total{q="# TYPE x_total counter"} 1
# HELP b_total No counter.
# TYPE b_total gauge
b_total 2
`
  expect(toOpenMetrics(text)).toBe(`# HELP a Counted.
# TYPE a counter
a_total{q="# TYPE x_total counter"} 1
# HELP b_total No counter.
# TYPE b_total gauge
b_total 2
# EOF
`)
  expect(toOpenMetrics('')).toBe('# EOF\n')
})
