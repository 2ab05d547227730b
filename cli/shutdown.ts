// `orlop shutdown`: asks guests to shut down.

import { COMMON_HELP, changeGuests, GUEST_HELP, readAsk, secondsOf } from './ask.ts'
import { PRESS_FOR_MS } from './machine/guest.ts'

export const help = `Usage: orlop shutdown [--timeout S [--force]] GUEST...

Presses the power key of guests, which then shut down in order, and does not wait for that unless it is told to. The key
is pressed again every few seconds until the guest is off, because one that is still starting may not hear the first time.
A guest with nothing that listens to the key is refused; "orlop poweroff" asks nobody.

  --timeout S      wait until each is off, at most S seconds, and press no longer; exit code 124 if one is not. Without it
                   the key is pressed for ${PRESS_FOR_MS / 1000} s, and "orlop events" tells if that did not help
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
