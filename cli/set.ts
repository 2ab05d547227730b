// `orlop set`: changes what a guest may use, while it runs.

import { COMMON_HELP, changeGuests, GUEST_HELP, readAsk } from './ask.ts'
import { OrlopError } from './error.ts'
import { KNOBS, parseKnob } from './fleet/knobs.ts'

const VALUES = { whole: 'N', percent: 'PERCENT', size: 'SIZE', switch: 'on|off' }
const WIDTH = Math.max(...KNOBS.map(({ flag, kind }) => flag.length + VALUES[kind].length)) + 4

export const help = `Usage: orlop set FLAGS GUEST...

Changes what guests may use, at once, and for the next time that they are started.

${KNOBS.map(({ flag, kind, what }) => `  --${`${flag} ${VALUES[kind]}`.padEnd(WIDTH)}${what}`).join('\n')}
${COMMON_HELP}

${GUEST_HELP}
`

/** Does what the words after "set" say; gives the exit code. */
export async function run(args: string[]): Promise<number> {
  const words = readAsk('set', args, Object.fromEntries(KNOBS.map(({ flag }) => [flag, { value: true }])))
  const settings = KNOBS.flatMap((knob) => {
    const text = words.values.get(knob.flag)?.[0]
    return text === undefined ? [] : [[knob.setting, parseKnob(knob, text)]]
  })
  if (settings.length === 0) {
    throw new OrlopError('Say what to set, for example --weight 512 or --cap 50; "orlop help set" lists all.')
  }
  return changeGuests('set', words, { settings: Object.fromEntries(settings) })
}
