// `orlop reboot`: asks guests to shut down, and starts them again.

import { COMMON_HELP, changeGuests, GUEST_HELP, readAsk } from './ask.ts'
import { PRESS_FOR_MS } from './machine/guest.ts'

export const help = `Usage: orlop reboot [FLAGS] GUEST...

Presses the power key of guests, again every few seconds for ${PRESS_FOR_MS / 1000} s, and starts each again when it has
shut down. Does not wait for that; "orlop events --follow" shows it. A guest with nothing that listens to the key is
refused; "orlop reset" asks nobody.

${COMMON_HELP}

${GUEST_HELP}
`

/** Does what the words after "reboot" say; gives the exit code. */
export async function run(args: string[]): Promise<number> {
  return changeGuests('reboot', readAsk('reboot', args))
}
