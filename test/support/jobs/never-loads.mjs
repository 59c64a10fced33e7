// In a child it never finishes loading, by a loop or, with "?await" in its URL, by an await. In the
// worker it does.
import { job } from 'chancy'

export const never = job({ name: 'never' }, () => {})

const isChild = Symbol.for('chancy.child') in globalThis
if (isChild && import.meta.url.includes('?await')) await new Promise(() => {})
if (isChild && import.meta.url.includes('?timer'))
  await new Promise(() => setInterval(() => {}, 50))
while (isChild);
