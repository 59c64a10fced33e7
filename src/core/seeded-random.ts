import { createHash } from 'node:crypto'

/** Numbers from 0 to 1 that are the same for the same seed: the generator sfc32, 2^128 states. */
export function seededRandom(seed: string): () => number {
  const bytes = createHash('sha256').update(seed).digest()
  let a = bytes.readUInt32LE(0)
  let b = bytes.readUInt32LE(4)
  let c = bytes.readUInt32LE(8)
  let counter = bytes.readUInt32LE(12)
  const next = (): number => {
    const sum = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return sum >>> 0
  }
  // 53 bits, as Math.random().
  return () => ((next() >>> 5) * 0x4000000 + (next() >>> 6)) / 0x20000000000000
}

/** The same for every try of a step, and for no other: 64 characters. */
export function stepKey(jobId: string, run: number, step: string): string {
  return createHash('sha256').update(`${jobId}\n${run}\n${step}`).digest('hex')
}
