// `orlop events`: what has happened on a machine.

import { COMMON_HELP, print, printJson, readAsk, refuseWords, withMachine } from './ask.ts'
import { OrlopError } from './error.ts'
import { type MachineEvent, showEvent } from './machine/events.ts'

export const help = `Usage: orlop events [--follow] [--last N]

Shows what has happened on a machine, oldest first: at most the last thousand events.

  --follow         go on with what happens from now on, until the machine goes down or Ctrl-C
  --last N         begin with the last N
${COMMON_HELP}, one line for each event
`

/** Does what the words after "events" say; gives the exit code. */
export async function run(args: string[]): Promise<number> {
  const words = readAsk('events', args, { follow: { value: false }, last: { value: true } })
  refuseWords('events', words)
  const last = words.values.get('last')?.[0]
  if (last !== undefined && !/^\d{1,4}$/.test(last)) {
    throw new OrlopError(`--last: "${last}" is no number of events; give one from 0 to 1000.`)
  }
  const show = (event: MachineEvent) => (words.values.has('json') ? printJson(event) : print(`${showEvent(event)}\n`))
  return withMachine(words, async (client) => {
    let newest = 0
    const early: MachineEvent[] = []
    let hear = (event: MachineEvent): void => {
      early.push(event)
    }
    client.onPush = (push) => {
      if (push.event === 'log') hear(push.entry)
      if (push.event === 'missed') process.stderr.write(`orlop: ${push.count} events were too many to show.\n`)
    }
    if (words.values.has('follow')) await client.request('watch')
    const request = last === undefined ? {} : { last: Math.min(1000, Number(last)) }
    const { events } = await client.request<{ events: MachineEvent[] }>('events', request)
    for (const event of events) {
      show(event)
      newest = event.number
    }
    if (!words.values.has('follow')) return 0
    // What came between the two requests is in both answers, or in neither if only few were asked for.
    for (const event of early) if (event.number > newest) show(event)
    hear = show
    await client.closed
    return 0
  })
}
