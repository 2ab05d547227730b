// `orlop define`: adds the guests of a fleet file to a running machine.

import { resolve } from 'node:path'
import { COMMON_HELP, print, printJson, readAsk, withMachine } from './ask.ts'
import { OrlopError } from './error.ts'
import type { GuestSample } from './machine/sample.ts'
import { readYaml } from './shape.ts'

export const help = `Usage: orlop define [--start] FLEET.yaml

Adds the guests of a fleet file to a running machine; what the file says of a machine is left out. They stay shut off.

  --start          start them
${COMMON_HELP}
`

/** Does what the words after "define" say; gives the exit code. */
export async function run(args: string[]): Promise<number> {
  const words = readAsk('define', args, { start: { value: false } })
  const [path, ...others] = words.rest
  if (path === undefined || others.length > 0) throw new OrlopError('Give one fleet file: "orlop define FLEET.yaml".')
  const text = readYaml(path, 'fleet file')
  return withMachine(words, async (client) => {
    const request = { text, path: resolve(path), start: words.values.has('start') }
    const reply = await client.request<{ guests: GuestSample[] }>('define', request)
    if (words.values.has('json')) printJson(reply)
    else for (const { id, name, state } of reply.guests) print(`${name}: ${state} (id ${id})\n`)
    return 0
  })
}
