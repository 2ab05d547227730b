// `orlop poweroff`: takes the power away from guests.

import { COMMON_HELP, changeGuests, GUEST_HELP, readAsk } from './ask.ts'

export const help = `Usage: orlop poweroff [FLAGS] GUEST...

Takes the power away from guests at once, as pulling the plug would. Their disks stay as they are; what a guest had
not written yet is lost. "orlop shutdown" asks first.

${COMMON_HELP}

${GUEST_HELP}
`

/** Does what the words after "poweroff" say; gives the exit code. */
export async function run(args: string[]): Promise<number> {
  return changeGuests('poweroff', readAsk('poweroff', args))
}
