// What guests, machines and networks may be called.

/** A number alone would be taken for an id. */
export const NAME = /^(?=.*[A-Za-z])[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/
export const NAME_RULE = 'letters, digits, ".", "_" and "-", at least one letter among them, at most 63 in all'

export function isName(text: string): boolean {
  return NAME.test(text)
}
