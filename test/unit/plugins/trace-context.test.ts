import { createTraceState, isSpanContextValid } from '@opentelemetry/api'
import { describe, expect, it } from 'vitest'
import { carrierOf, spanContextOf } from '../../../src/plugins/opentelemetry/trace-context.ts'

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
const spanId = '00f067aa0ba902b7'
const api = { createTraceState, isSpanContextValid }
const read = (opentelemetry: unknown) => spanContextOf(api, { opentelemetry })

describe('the context in the meta of a job', () => {
  it('comes back as it was written, with its state and its flags', () => {
    const traceState = createTraceState('acme=1,other=two')
    const carrier = carrierOf({ traceId, spanId, traceFlags: 1, traceState })
    expect(carrier).toEqual({
      traceparent: `00-${traceId}-${spanId}-01`,
      tracestate: 'acme=1,other=two',
    })
    const back = read(carrier)
    expect(back).toMatchObject({ traceId, spanId, traceFlags: 1, isRemote: true })
    expect(back?.traceState?.get('other')).toBe('two')
    expect(read(carrierOf({ traceId, spanId, traceFlags: 0 }))?.traceFlags).toBe(0)
  })

  it('is written without a state that is longer than W3C asks to keep', () => {
    const traceState = createTraceState(
      `acme=${'x'.repeat(250)},b=${'y'.repeat(250)},c=${'z'.repeat(9)}`,
    )
    expect(carrierOf({ traceId, spanId, traceFlags: 1, traceState })).toEqual({
      traceparent: `00-${traceId}-${spanId}-01`,
    })
  })

  it('is read from a later version, whose text may be longer', () => {
    expect(read({ traceparent: `01-${traceId}-${spanId}-01-what-comes` })).toMatchObject({
      traceId,
    })
  })

  it.each([
    undefined,
    null,
    'text',
    [],
    {},
    { traceparent: '' },
    { traceparent: 7 },
    { traceparent: `00-${traceId.toUpperCase()}-${spanId}-01` },
    { traceparent: `00-${traceId}-${spanId}` },
    { traceparent: `00-${traceId}-${spanId}-01-` },
    { traceparent: `ff-${traceId}-${spanId}-01` },
    { traceparent: `00-${'0'.repeat(32)}-${spanId}-01` },
    { traceparent: `00-${traceId}-${'0'.repeat(16)}-01` },
    { traceparent: `00-${traceId}-${spanId}-01\n` },
  ])('is null where %j stands', (given) => {
    expect(read(given)).toBeNull()
  })
})
