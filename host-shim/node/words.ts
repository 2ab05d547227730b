// What a process says that is not to be trusted, as others may show it.

/** What is kept of a sentence. */
const LETTERS_MOST = 2_000
/** So many sentences of one process are told; more nobody reads. */
export const WARNINGS_MOST = 100

/** One line that does not steer a terminal. */
export function plain(text: string): string {
  return text
    .slice(0, LETTERS_MOST)
    .replace(/\p{Cc}+/gu, ' ')
    .trim()
}
