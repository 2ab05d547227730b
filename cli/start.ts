// `orlop start`: starts guests that are off.

import { COMMON_HELP, changeGuests, GUEST_HELP, readAsk } from './ask.ts'

export const help = `Usage: orlop start [FLAGS] GUEST...

Starts guests that are shut off or have crashed, anew from their files.

${COMMON_HELP}

${GUEST_HELP}
`

/** Does what the words after "start" say; gives the exit code. */
export async function run(args: string[]): Promise<number> {
  return changeGuests('start', readAsk('start', args))
}
