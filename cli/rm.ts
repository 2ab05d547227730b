// `orlop rm`: takes guests off the machine.

import { COMMON_HELP, GUEST_HELP, guestsOf, print, printJson, readAsk, withMachine } from './ask.ts'

export const help = `Usage: orlop rm [--force] GUEST...

Takes guests off the machine. Their disk images, kernels and fleet files are left alone.

  --force          also guests that are running, which lose their power first
${COMMON_HELP}

${GUEST_HELP}
`

/** Does what the words after "rm" say; gives the exit code. */
export async function run(args: string[]): Promise<number> {
  const words = readAsk('rm', args, { force: { value: false } })
  const names = guestsOf('rm', words)
  return withMachine(words, async (client) => {
    const guests: { id: number; name: string; state: 'removed' }[] = []
    for (const guest of names) {
      const reply = await client.request<{ guest: (typeof guests)[0] }>('rm', {
        guest,
        force: words.values.has('force'),
      })
      guests.push(reply.guest)
      if (!words.values.has('json')) print(`${reply.guest.name}: removed\n`)
    }
    if (words.values.has('json')) printJson({ guests })
    return 0
  })
}
