// What all verbs of a running machine have in common: which machine, which guests, and how the answer is shown.

import { OrlopError } from './error.ts'
import { type Flag, readWords, type Words } from './flags.ts'
import { Client } from './machine/client.ts'
import type { GuestSample } from './machine/sample.ts'

const COMMON: Record<string, Flag> = { machine: { value: true }, json: { value: false } }

/** The lines of a help text for the flags that all these verbs have. */
export const COMMON_HELP = `  --machine NAME   the machine to ask, if several are running (or set ORLOP_MACHINE)
  --json           print the answer as JSON`

export const GUEST_HELP = 'GUEST is a name, the beginning of one if no other begins so, or an id of "orlop list".'

/** The words behind a verb of a running machine. */
export function readAsk(verb: string, args: string[], flags: Record<string, Flag> = {}): Words {
  return readWords(verb, { ...COMMON, ...flags }, args)
}

/** Does `work` with a connection to the machine that the words name. */
export async function withMachine<T>(words: Words, work: (client: Client) => Promise<T>): Promise<T> {
  const client = await Client.connect(words.values.get('machine')?.[0] ?? (process.env.ORLOP_MACHINE || undefined))
  try {
    return await work(client)
  } finally {
    client.close()
  }
}

/** The guests that were named, at least one. */
export function guestsOf(verb: string, { rest }: Words): string[] {
  if (rest.length > 0) return rest
  throw new OrlopError(`Name the guest: "orlop ${verb} GUEST"; "orlop list" shows those that there are.`)
}

/** The one guest that was named. */
export function guestOf(verb: string, words: Words): string {
  const [guest, ...others] = guestsOf(verb, words)
  if (others.length > 0) throw new OrlopError(`"orlop ${verb}" takes one guest; "${others.join(' ')}" is too much.`)
  return guest as string
}

export function refuseWords(verb: string, { rest }: Words): void {
  if (rest.length > 0) throw new OrlopError(`"orlop ${verb}" takes no guest; "${rest.join(' ')}" is too much.`)
}

/** Seconds of a flag, as ms. */
export function secondsOf(words: Words, name: string): number | undefined {
  const text = words.values.get(name)?.[0]
  if (text === undefined) return undefined
  if (/^\d+(\.\d+)?s?$/.test(text) && Number.parseFloat(text) <= SECONDS_MAX) return Number.parseFloat(text) * 1000
  throw new OrlopError(`--${name}: "${text}" is no time; give seconds from 0 to ${SECONDS_MAX}, for example 30 or 2.5.`)
}
const SECONDS_MAX = 604_800

/** A verb that changes guests, one after the other, and tells what became of each. Gives the exit code. */
export function changeGuests(
  verb: string,
  words: Words,
  more: Record<string, unknown> = {},
  request = verb,
): Promise<number> {
  const names = guestsOf(verb, words)
  return withMachine(words, async (client) => {
    const guests: GuestSample[] = []
    for (const guest of names) {
      const reply = await client.request<{ guest: GuestSample }>(request, { ...more, guest })
      guests.push(reply.guest)
      if (!words.values.has('json')) print(`${showChange(reply.guest)}\n`)
    }
    if (words.values.has('json')) printJson({ guests })
    return 0
  })
}

function showChange({ name, state, reason }: GuestSample): string {
  return `${name}: ${state}${reason === undefined ? '' : ` (${reason})`}`
}

export function print(text: string): void {
  process.stdout.write(text)
}

export function printJson(value: unknown): void {
  print(`${JSON.stringify(value)}\n`)
}
