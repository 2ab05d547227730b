// `orlop shutdown`: asks guests to shut down.

import { COMMON_HELP, changeGuests, GUEST_HELP, readAsk, secondsOf } from './ask.ts'

export const help = `Usage: orlop shutdown [--timeout S [--force]] GUEST...

Presses the power key of guests, which then shut down in order, and does not wait for that unless it is told to.
A guest with nothing that listens to the key is refused; "orlop poweroff" asks nobody.

  --timeout S      wait until each is off, at most S seconds; exit code 124 if one is not
  --force          take the power away from those that are not off by then, or do not listen
${COMMON_HELP}

${GUEST_HELP}
`

/** Does what the words after "shutdown" say; gives the exit code. */
export async function run(args: string[]): Promise<number> {
  const words = readAsk('shutdown', args, { timeout: { value: true }, force: { value: false } })
  const timeoutMs = secondsOf(words, 'timeout')
  return changeGuests('shutdown', words, { timeoutMs, force: words.values.has('force') })
}
