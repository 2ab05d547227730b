// `orlop down`: shuts a machine down with all its guests.

import { COMMON_HELP, print, printJson, readAsk, refuseWords, secondsOf, withMachine } from './ask.ts'

/** How long guests have to shut down when nobody says so. */
export const PATIENCE_MS = 30_000

export const help = `Usage: orlop down [--timeout S]

Presses the power key of all guests, again every few seconds, waits until they are off, and ends the machine. Guests
that do not listen to the key, or take too long, lose their power.

  --timeout S      wait at most S seconds (default ${PATIENCE_MS / 1000}); 0: take the power away at once
${COMMON_HELP}
`

/** Does what the words after "down" say; gives the exit code. */
export async function run(args: string[]): Promise<number> {
  const words = readAsk('down', args, { timeout: { value: true } })
  refuseWords('down', words)
  const timeoutMs = secondsOf(words, 'timeout') ?? PATIENCE_MS
  return withMachine(words, async (client) => {
    const reply = await client.request<{ machine: string; pid: number }>('down', { timeoutMs })
    // The machine says goodbye when it has ended.
    await client.closed
    if (words.values.has('json')) printJson({ machine: reply.machine, state: 'down' })
    else print(`${reply.machine}: down\n`)
    return 0
  })
}
