/** Modes of an `around` module: by its options, and by the arguments of the job. */
export default ({ mark, mode = 'pass' }) =>
  async (context, run) => {
    const { trail } = context.job.args
    const note = (what) => context.progress([...(trail ?? []), `${mark}:${what}`])
    if (mode === 'throws-before') throw new Error('before')
    if (mode === 'never') return 'instead'
    globalThis.trail = [...(globalThis.trail ?? []), `${mark}>`]
    try {
      const value = await run()
      if (mode === 'throws-after') throw new Error('after')
      if (mode === 'twice') {
        const second = await run().catch((error) => error.message)
        note(second)
      }
      return mode === 'replaces' ? 'replaced' : value
    } finally {
      globalThis.trail.push(`<${mark}`)
    }
  }
