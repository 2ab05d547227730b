// `orlop reset`: starts guests anew at once.

import { COMMON_HELP, changeGuests, GUEST_HELP, readAsk } from './ask.ts'

export const help = `Usage: orlop reset [FLAGS] GUEST...

Starts guests anew from their files at once, as the reset button does. "orlop reboot" asks first.

${COMMON_HELP}

${GUEST_HELP}
`

/** Does what the words after "reset" say; gives the exit code. */
export async function run(args: string[]): Promise<number> {
  return changeGuests('reset', readAsk('reset', args))
}
