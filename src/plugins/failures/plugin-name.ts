/** The name of the plugin. */
export const FAILURES = 'chancy.failures'
