// `orlop unpause`: lets paused guests go on.

import { COMMON_HELP, changeGuests, GUEST_HELP, readAsk } from './ask.ts'

export const help = `Usage: orlop unpause [FLAGS] GUEST...

Lets paused guests go on where they were.

${COMMON_HELP}

${GUEST_HELP}
`

/** Does what the words after "unpause" say; gives the exit code. */
export async function run(args: string[]): Promise<number> {
  return changeGuests('unpause', readAsk('unpause', args))
}
