// The fields of a fleet file and what each may hold; the published JSON Schema is made of the same.

import { RAM_MAX } from '../../host-shim/machine.ts'
import { MAX_CPUS, MAX_GUESTS, MAX_HARTS } from '../../hypervisor/abi.ts'
import { choice, type Fields, fields, flag, number, type Schema, type Shape, size, word } from '../shape.ts'
import { SPEC } from '../spec-file.ts'
import { KNOBS, shapeOf } from './knobs.ts'
import { NAME, NAME_RULE } from './names.ts'
import { networksSchema } from './networks.ts'
import { nics } from './nics.ts'
import type { Reaction } from './plan.ts'
import { publications } from './publish.ts'

const REACTIONS: readonly Reaction[] = ['stop', 'restart']
const LEAST_MEMORY = 16 * 2 ** 20

export const machine = fields('A machine', {
  name: word('What the machine is called; default: as the file', NAME, NAME_RULE),
  cpus: number("Physical CPUs; default: the host's", 1, MAX_CPUS, true),
  memory: size("RAM of all guests together; default: three quarters of the host's", LEAST_MEMORY, RAM_MAX),
})

/** The knobs below `limits`, as a mapping for each kind of device. */
function limitsOf(device: string) {
  const knobs = KNOBS.filter(({ field }) => field?.[0] === 'limits' && field[1] === device)
  return fields('A limit', Object.fromEntries(knobs.map((knob) => [knob.field?.[2] as string, shapeOf(knob)])))
}

const settings = Object.fromEntries(
  KNOBS.filter(({ field }) => field?.length === 1).map((knob) => [knob.field?.[0] as string, shapeOf(knob)]),
) as Record<'weight' | 'cap' | 'reservation' | 'guarantee' | 'sharing', Shape<number | boolean>>

const { name: _, ...SPEC_WITHOUT_NAME } = SPEC

const OWN = {
  ...SPEC_WITHOUT_NAME,
  harts: number('Harts; default 1', 1, MAX_HARTS, true),
  ...settings,
  limits: fields('Limits', { disk: limitsOf('disk'), net: limitsOf('net'), console: limitsOf('console') }),
  networks: nics,
  autostart: flag('It is started with the machine; default true'),
  count: number('So many copies, whose names and paths get numbers from 1; {n} is the number', 1, MAX_GUESTS, true),
  on_poweroff: choice('When it has switched itself off; default stop', REACTIONS),
  on_reset: choice('When it has asked for a reset; default restart', REACTIONS),
  on_crash: choice('When it has failed; default stop', REACTIONS),
}
const NAMED = { name: word('What the guest is called', NAME, NAME_RULE), ...OWN }

export const guestInMap = { ...fields('A guest', OWN), fields: OWN }
export const guestInList: Shape<Fields<typeof NAMED>> & { fields: typeof NAMED } = {
  ...fields('A guest', NAMED, ['name']),
  fields: NAMED,
}

/** The JSON Schema of a fleet file; docs/fleet.schema.json holds it. */
export function fleetSchema(): Schema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'A fleet of Orlop: one machine and its guests',
    type: 'object',
    properties: {
      machine: machine.schema,
      networks: networksSchema,
      guests: {
        anyOf: [
          { type: 'array', items: guestInList.schema, maxItems: MAX_GUESTS },
          {
            type: 'object',
            additionalProperties: { anyOf: [guestInMap.schema, { type: 'null' }] },
            propertyNames: { pattern: NAME.source },
            maxProperties: MAX_GUESTS,
          },
        ],
      },
      publish: publications.schema,
    },
    required: ['guests'],
    additionalProperties: false,
  }
}
