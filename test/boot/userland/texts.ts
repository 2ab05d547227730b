// Files that the programs work on: the same in every run.

/** Text of `bytes` bytes: lines of words, some far more often than others. */
export function makeText(bytes: number): Buffer {
  const next = numbers(1)
  const syllables = ['ba', 'de', 'ki', 'lo', 'mu', 'na', 're', 'si', 'tu', 'vo', 'xy', 'za']
  const word = () => Array.from({ length: 1 + (next() % 4) }, () => syllables[next() % syllables.length]).join('')
  const words = Array.from({ length: 2000 }, word)
  let text = ''
  while (text.length < bytes) {
    const line = Array.from({ length: 3 + (next() % 12) }, () => words[(next() % 45) * (next() % 45)])
    text += `${line.join(' ')} ${next() % 100_000}\n`
  }
  return Buffer.from(`${text.slice(0, bytes - 1)}\n`)
}

/** Bytes in which no program finds anything to make shorter. */
export function makeNoise(bytes: number): Buffer {
  const next = numbers(2)
  return Buffer.from(Uint8Array.from({ length: bytes }, () => next() >>> 3))
}

/** Numbers from 0 to 2^31 - 1: xorshift32. */
function numbers(seed: number): () => number {
  let state = seed * 0x9e3779b9
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 1
  }
}
