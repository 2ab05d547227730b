// `orlop pause`: stops guests where they are.

import { COMMON_HELP, changeGuests, GUEST_HELP, readAsk } from './ask.ts'

export const help = `Usage: orlop pause [FLAGS] GUEST...

Stops guests where they are; their clocks stand still, and their memory stays. "orlop unpause" lets them go on.

${COMMON_HELP}

${GUEST_HELP}
`

/** Does what the words after "pause" say; gives the exit code. */
export async function run(args: string[]): Promise<number> {
  return changeGuests('pause', readAsk('pause', args))
}
