// As much of JSON Schema (draft 2020-12) as docs/fleet.schema.json uses, and a refusal of every other word.

type Schema = { [keyword: string]: unknown }

/** Words that say nothing about what fits. */
const SILENT = ['$schema', 'title', 'description']

/** Does the value fit the schema? Throws when the schema has a word that this does not know. */
export function fits(schema: Schema, value: unknown): boolean {
  return Object.entries(schema).every(([word, rule]) => SILENT.includes(word) || judge(word, rule, value, schema))
}

function judge(word: string, rule: unknown, value: unknown, schema: Schema): boolean {
  const object = typeOf(value) === 'object' ? (value as { [name: string]: unknown }) : undefined
  const list = Array.isArray(value) ? value : undefined
  switch (word) {
    case 'type':
      return [rule].flat().some((type) => type === typeOf(value) || (type === 'number' && typeOf(value) === 'integer'))
    case 'enum':
      return (rule as unknown[]).includes(value)
    case 'const':
      return rule === value
    case 'anyOf':
      return (rule as Schema[]).some((choice) => fits(choice, value))
    case 'pattern':
      return typeof value !== 'string' || new RegExp(rule as string, 'u').test(value)
    case 'minLength':
      return typeof value !== 'string' || value.length >= (rule as number)
    case 'minimum':
      return typeof value !== 'number' || value >= (rule as number)
    case 'maximum':
      return typeof value !== 'number' || value <= (rule as number)
    case 'items':
      return list === undefined || list.every((item) => fits(rule as Schema, item))
    case 'maxItems':
      return list === undefined || list.length <= (rule as number)
    case 'minProperties':
      return object === undefined || Object.keys(object).length >= (rule as number)
    case 'maxProperties':
      return object === undefined || Object.keys(object).length <= (rule as number)
    case 'required':
      return object === undefined || (rule as string[]).every((name) => Object.hasOwn(object, name))
    case 'propertyNames':
      return object === undefined || Object.keys(object).every((name) => fits(rule as Schema, name))
    case 'properties':
      return Object.entries(object ?? {}).every(([name, item]) => {
        const known = (rule as { [name: string]: Schema })[name]
        return known === undefined || fits(known, item)
      })
    case 'additionalProperties':
      return Object.entries(object ?? {}).every(([name, item]) => {
        if (Object.hasOwn((schema.properties ?? {}) as object, name)) return true
        return rule !== false && fits(rule as Schema, item)
      })
    default:
      throw new Error(`The schema says "${word}", which this reader of schemas does not know.`)
  }
}

function typeOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  return Number.isInteger(value) ? 'integer' : typeof value
}
