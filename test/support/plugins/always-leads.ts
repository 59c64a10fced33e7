import { definePlugin } from 'chancy/plugin'

/** In the place of the leadership: every worker leads. */
export const alwaysLeads = () => {
  const { signal } = new AbortController()
  return definePlugin({
    name: 'chancy.leadership',
    lead: () => ({ isOpen: true, opened: async () => signal, stop: async () => {} }),
  })
}
