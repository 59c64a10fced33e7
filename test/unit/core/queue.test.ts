import { describe, expect, it } from 'vitest'
import { ConfigError } from '../../../src/core/errors.ts'
import { Queue, type QueueOptions } from '../../../src/core/queue.ts'
import { matchesTags } from '../../../src/core/tags.ts'

describe('a queue', () => {
  it('has defaults in its normal form and is frozen', () => {
    const queue = new Queue('default')
    expect({ ...queue }).toEqual({
      name: 'default',
      concurrency: null,
      executor: 'process',
      executorOptions: {},
      tags: ['.*'],
      pollingIntervalMs: 5_000,
      rateLimit: null,
      state: 'active',
      resumeAt: null,
    })
    expect(Object.isFrozen(queue) && Object.isFrozen(queue.tags)).toBe(true)
  })

  it('keeps what it was given', () => {
    const resumeAt = new Date(5e12)
    expect(
      new Queue('mail', {
        concurrency: 3,
        tags: ['a', 'b=.*'],
        pollingInterval: '1s',
        state: 'paused',
        resumeAt,
      }),
    ).toMatchObject({
      name: 'mail',
      concurrency: 3,
      tags: ['a', 'b=.*'],
      pollingIntervalMs: 1_000,
      state: 'paused',
      resumeAt,
    })
  })

  it.each<[string, unknown, string]>([
    ['an unknown option', { concurency: 1 }, 'Did you mean "concurrency"?'],
    ['no slots', { concurrency: 0 }, 'concurrency: expected a whole number from 1'],
    ['an unknown executor', { executor: 'proces' }, 'Did you mean "process"?'],
    ['a bad rate limit', { rateLimit: { max: 0, per: '1s' } }, 'rateLimit.max'],
    [
      'options that its executor has not',
      { executor: 'inline', executorOptions: { killAfter: '1s' } },
      'unknown option "killAfter"',
    ],
    ['tags that are no array', { tags: '.*' }, 'tags: expected an array'],
    ['too many tags', { tags: new Array(101).fill('a') }, 'at most 100'],
    [
      'a tag that is no regular expression',
      { tags: ['('] },
      'tags[0]: expected a regular expression, got "("',
    ],
    ['a tag that only a group makes valid', { tags: ['a)(b'] }, 'tags[0]'],
    ['a long tag', { tags: ['a'.repeat(201)] }, 'at most 200 bytes'],
    ['polling without a pause', { pollingInterval: 0 }, 'pollingInterval: expected 10ms'],
    ['an unknown state', { state: 'stopped' }, 'expected one of active, paused'],
    ['a bad date', { state: 'paused', resumeAt: new Date(Number.NaN) }, 'got Invalid Date'],
    ['a date for an active queue', { resumeAt: new Date() }, "add state: 'paused'"],
  ])('refuses %s', (_, options, message) => {
    const make = (): Queue => new Queue('q', options as QueueOptions)
    expect(make).toThrow(ConfigError)
    expect(make).toThrow(message)
  })

  it.each(['', 'a\0', '€'.repeat(67), 7, undefined])('refuses the name %j', (name) => {
    expect(() => new Queue(name as string)).toThrow('The name of a queue')
  })

  it('is restored from a row that holds what this release refuses', () => {
    const queue = Queue.restore({ ...new Queue('q'), executor: 'process' })
    expect(queue).toBeInstanceOf(Queue)
    expect(queue.executor).toBe('process')
  })
})

describe('tags', () => {
  it.each<[string[], string[], boolean]>([
    [['.*'], ['*'], true],
    [['gpu'], ['gpu', '*'], true],
    [['gpu'], ['gpu2'], false],
    [['os=linux|os=darwin'], ['os=linux'], true],
    [['a|b'], ['ab'], false],
    [[], ['*'], false],
    [['(', 'x'], ['x'], true],
    [['.*'], ['two\nlines'], true],
  ])('%j against a worker with %j: %s', (queueTags, workerTags, matches) => {
    expect(matchesTags(queueTags, workerTags)).toBe(matches)
  })
})
