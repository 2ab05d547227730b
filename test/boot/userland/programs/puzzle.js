// Work for a compiler that has several tiers: functions that get hot, change their types and are compiled again, and
// new functions all the time. Prints the same in every JavaScript engine.

function sieve(limit) {
  const composite = new Uint8Array(limit + 1)
  let count = 0
  for (let i = 2; i <= limit; i++) {
    if (composite[i]) continue
    count++
    for (let k = i * i; k <= limit; k += i) composite[k] = 1
  }
  return count
}

function matrix(n) {
  const a = Array.from({ length: n * n }, (_, i) => ((i * 7) % 13) / 8)
  const c = new Float64Array(n * n)
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) {
      let sum = 0
      for (let k = 0; k < n; k++) sum += a[i * n + k] * a[k * n + j]
      c[i * n + j] = sum
    }
  return c.reduce((sum, value, i) => sum + value * (i % 5), 0)
}

class Node {
  constructor(key) {
    this.key = key
    this.left = this.right = null
  }
}

function tree(count) {
  let root = null
  let seed = 7
  let depths = 0
  for (let n = 0; n < count; n++) {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
    const node = new Node(seed >>> 3)
    let depth = 0
    if (root === null) root = node
    for (let at = root; at !== node; depth++) {
      const side = node.key < at.key ? 'left' : 'right'
      at[side] ??= node
      at = at[side]
    }
    depths += depth
  }
  return depths
}

/** Sees integers first, then doubles, strings, BigInts: each makes the compiled code of the last useless. */
function add(list) {
  let sum = list[0]
  for (let i = 1; i < list.length; i++) sum = sum + list[i]
  return sum
}

function changes() {
  const kinds = [(i) => i, (i) => i / 4, (i) => String(i % 10), (i) => BigInt(i)]
  const results = []
  for (let round = 0; round < 8; round++) {
    const list = Array.from({ length: 2000 }, (_, i) => kinds[round % 4](i))
    let last
    for (let i = 0; i < 60; i++) last = add(list)
    results.push(typeof last === 'string' ? last.length : last)
  }
  return results.join(' ')
}

function inventions(count) {
  let total = 0
  for (let i = 1; i <= count; i++) {
    const f = new Function('n', `let s = ${i}; for (let k = 0; k < n; k++) s = (s * ${(i % 7) + 2} + k) % 65521; return s`)
    total = (total + f(300) + f(301)) % 1000003
  }
  return total
}

const text = Array.from({ length: 4000 }, (_, i) => `k${i % 97}=${i * i};`).join('')
const found = [...text.matchAll(/k(\d)\1=(\d*6)(?=;)/g)].map((match) => match[2].length)

console.log('sieve', sieve(400_000))
console.log('matrix', matrix(90))
console.log('tree', tree(15_000))
console.log('changes', changes())
console.log('inventions', inventions(400))
console.log('patterns', found.length, add(found))
console.log('json', JSON.stringify(JSON.parse(JSON.stringify(Array.from({ length: 5000 }, (_, i) => ({ i, t: [`${i}`] }))))).length)
console.log('factorial', String(Array.from({ length: 200 }, (_, i) => BigInt(i + 1)).reduce((a, b) => a * b)).slice(0, 40))
