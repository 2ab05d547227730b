// `orlop list`: the guests of a machine, or the machines.

import { COMMON_HELP, print, printJson, readAsk, refuseWords, withMachine } from './ask.ts'
import type { Snapshot } from './machine/machine.ts'
import { runningMachines } from './machine/socket.ts'
import { showSize } from './size.ts'
import { columns } from './table.ts'

export const help = `Usage: orlop list [--machines]

Lists the guests of a running machine with their states.

  --machines       list the machines that run instead
${COMMON_HELP}
`

/** Does what the words after "list" say; gives the exit code. */
export async function run(args: string[]): Promise<number> {
  const words = readAsk('list', args, { machines: { value: false } })
  refuseWords('list', words)
  const isJson = words.values.has('json')
  if (words.values.has('machines')) {
    const machines = await runningMachines()
    if (isJson) printJson({ machines })
    else for (const name of machines) print(`${name}\n`)
    return 0
  }
  return withMachine(words, async (client) => {
    const { machine, guests } = await client.request<Snapshot>('look')
    if (isJson) {
      printJson({ machine: machine.name, guests })
      return 0
    }
    const rows = guests.map((guest) => [
      `${guest.id}`,
      guest.name,
      guest.state,
      guest.reason,
      `${guest.harts}`,
      showSize(guest.memoryBytes),
    ])
    print(`${columns([['ID', 'NAME', 'STATE', 'REASON', 'HARTS', 'MEMORY'], ...rows], [0, 4, 5]).join('\n')}\n`)
    return 0
  })
}
