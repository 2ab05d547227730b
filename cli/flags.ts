// Reads the words behind a verb: flags and what they carry, and the rest. One sentence for each way to get it wrong.

import { parseArgs } from 'node:util'
import { OrlopError } from './error.ts'

export interface Flag {
  /** Does it carry a value? */
  value: boolean
  /** One letter that means the same. */
  short?: string
  /** May it be given several times? */
  many?: boolean
}

export interface Words {
  /** Values of each flag that was given; a flag without value has one empty string. */
  values: Map<string, string[]>
  /** Words that are not flags. */
  rest: string[]
}

export function readWords(verb: string, flags: Record<string, Flag>, args: string[]): Words {
  const options = Object.fromEntries(
    Object.entries(flags).map(([name, { value, short }]) => [
      name,
      { type: value ? ('string' as const) : ('boolean' as const), ...(short === undefined ? {} : { short }) },
    ]),
  )
  const { tokens } = parseArgs({ args, options, strict: false, allowPositionals: true, tokens: true })
  const values = new Map<string, string[]>()
  const rest: string[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') rest.push(token.value)
    if (token.kind !== 'option') continue
    const flag = flags[token.name]
    if (flag === undefined) {
      throw new OrlopError(`"orlop ${verb}" knows no ${token.rawName}; "orlop help ${verb}" lists what it knows.`)
    }
    const looksLikeFlag = token.inlineValue === false && token.value.startsWith('--')
    if (flag.value && (token.value === undefined || looksLikeFlag)) {
      throw new OrlopError(`${token.rawName} needs a value; "orlop help ${verb}" shows which.`)
    }
    if (!flag.value && token.value !== undefined) throw new OrlopError(`${token.rawName} takes no value.`)
    const before = values.get(token.name) ?? []
    if (before.length > 0 && flag.many !== true) throw new OrlopError(`${token.rawName} is given twice; give it once.`)
    values.set(token.name, [...before, token.value ?? ''])
  }
  return { values, rest }
}
