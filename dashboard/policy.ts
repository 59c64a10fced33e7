interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { createScriptURL(url: string): string },
  ): { createScriptURL(url: string): string }
}

const types = (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes

/** The only policy that the page's headers allow: scripts of its own origin. */
const policy = types?.createPolicy('chancy', { createScriptURL: ownAddress })

/** The address of a worker's script, as a browser with trusted types wants it. */
export function scriptAddress(url: string): string {
  return policy?.createScriptURL(url) ?? ownAddress(url)
}

function ownAddress(url: string): string {
  const found = new URL(url, document.baseURI)
  if (found.origin !== location.origin) throw new TypeError(`${found.origin} is another origin`)
  return found.href
}
