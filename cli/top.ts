// `orlop top`: the live table of a running machine.

import { setTimeout as sleep } from 'node:timers/promises'
import { COMMON_HELP, printJson, readAsk, refuseWords, secondsOf, withMachine } from './ask.ts'
import { OrlopError } from './error.ts'
import type { Snapshot } from './machine/machine.ts'
import { Screen } from './screen.ts'
import { tableOf } from './table.ts'

export const help = `Usage: orlop top [--interval S] [--count N]

Shows each second what the guests of a machine use, until Ctrl-C: CPU and steal in percent of one CPU, disk and network
in bytes a second. On a terminal the table is redrawn, elsewhere it is printed anew each time.

  --interval S     seconds from one look to the next (default 1)
  --count N        end after N looks
${COMMON_HELP}, one line for each look
`

const LEAST_MS = 100

/** Does what the words after "top" say; gives the exit code. */
export async function run(args: string[]): Promise<number> {
  const words = readAsk('top', args, { interval: { value: true }, count: { value: true } })
  refuseWords('top', words)
  const intervalMs = Math.max(LEAST_MS, secondsOf(words, 'interval') ?? 1000)
  const count = countOf(words.values.get('count')?.[0])
  return withMachine(words, async (client) => {
    const screen = new Screen(process.stdout)
    // Rates need two looks; the first is not shown.
    await client.request('look')
    for (let shown = 0; shown < count; shown++) {
      await sleep(intervalMs)
      const snapshot = await client.request<Snapshot>('look')
      if (words.values.has('json')) printJson(snapshot)
      else screen.draw(tableOf(snapshot))
    }
    screen.end()
    return 0
  })
}

function countOf(text: string | undefined): number {
  if (text === undefined) return Number.POSITIVE_INFINITY
  if (/^[1-9]\d*$/.test(text)) return Number(text)
  throw new OrlopError(`--count: "${text}" is no number of looks; give a whole number from 1.`)
}
