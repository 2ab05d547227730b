// A Linux guest whose power key has a driver and nobody who listens, until it is told to.

import { argumentsForScript, type FindGuest, withScript } from '../boot/guests.ts'

/** What it says when a press is lost on it. */
export const DEAF = 'deaf'
/** What it says before it begins to listen, which it does after a line of input. */
export const LISTENS = 'listens'

// Our init has a `dd` that waits for the key; there is none to be ended before that has been started.
const SCRIPT = `until killall dd 2>/dev/null; do sleep 0.1; done
echo ${DEAF}
read -r line
echo ${LISTENS}
dd if=/dev/input/event0 of=/dev/null bs=24 count=1 2>/dev/null && poweroff
sleep 3600`

/** Fields of a fleet file for it; undefined where the guest system cannot be had. */
export async function deafGuest(find: FindGuest, folder: string): Promise<string | undefined> {
  const system = await find()
  return system && fieldsOf(argumentsForScript(withScript(system, folder, SCRIPT)))
}

/** Fields of a fleet file for a guest that "orlop run" is given in these words. */
export function fieldsOf(words: string[]): string {
  const value = (flag: string) => JSON.stringify(words[words.indexOf(flag) + 1])
  return `kernel: ${value('--kernel')}, initrd: ${value('--initrd')}, append: ${value('--append')}, memory: 128M`
}
