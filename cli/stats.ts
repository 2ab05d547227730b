// `orlop stats`: a guest's bill and counters.

import { COMMON_HELP, GUEST_HELP, guestsOf, print, printJson, readAsk, withMachine } from './ask.ts'
import type { GuestStats } from '../host-shim/stats.ts'
import type { GuestSample } from './machine/sample.ts'

export const help = `Usage: orlop stats GUEST...

Shows the bill and the counters of guests since they were started; times are in nanoseconds, frames have 4096 bytes.

${COMMON_HELP}

${GUEST_HELP}
`

interface Answer {
  guest: GuestSample
  /** null: it is off. */
  counters: GuestStats | null
}

/** Does what the words after "stats" say; gives the exit code. */
export async function run(args: string[]): Promise<number> {
  const words = readAsk('stats', args)
  const names = guestsOf('stats', words)
  return withMachine(words, async (client) => {
    const guests: Answer[] = []
    for (const guest of names) guests.push(await client.request<Answer>('stats', { guest }))
    if (words.values.has('json')) printJson({ guests })
    else print(guests.map(show).join('\n'))
    return 0
  })
}

function show({ guest, counters }: Answer): string {
  const title = `${guest.name}: ${guest.state} (${guest.reason})\n`
  const lines = Object.entries(counters ?? {}).map(
    ([name, value]) => `  ${name.padEnd(24)}${typeof value === 'number' ? value.toLocaleString('en-US') : value}\n`,
  )
  return `${title}${lines.join('')}`
}
