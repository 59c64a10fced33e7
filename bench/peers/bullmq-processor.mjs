/** What BullMQ's sandboxes run. */
export default async function empty() {}
