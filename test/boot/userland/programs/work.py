# A bit of everything that Python's interpreter and its library in C do. Prints the same on every machine.

import ast
import collections
import decimal
import difflib
import fractions
import hashlib
import heapq
import itertools
import json
import math
import random
import re
import struct
import zlib

generator = random.Random(2024)
words = ["".join(generator.choices("abcdefghij", k=generator.randint(2, 7))) for _ in range(3000)]

counts = collections.Counter(word[:2] for word in words)
print("counts", counts.most_common(8))

decimal.getcontext().prec = 60
print("decimal", decimal.Decimal(2).sqrt(), decimal.Decimal(3).ln(), decimal.Decimal(1).exp())
print("fraction", sum(fractions.Fraction(1, n) for n in range(1, 60)))
print("integers", pow(3, 4001, 2**521 - 1), math.comb(300, 140) % 10**40, math.isqrt(10**121))
print("floats", [x.hex() for x in (math.fsum(1 / n for n in range(1, 999)), math.gamma(7.5), math.erf(0.3), math.hypot(3, 7))])
print("float text", [float(f"{generator.uniform(-1e9, 1e9):.{d}g}") for d in range(1, 18)])

text = " ".join(words)
print("re", len(re.findall(r"\b(\w)(\w)\w*\2\1\b", text)), re.sub(r"(?<=a)[b-e]+(?=f)", "-", text)[:120])
data = {word: [index, index / 7, {"next": words[(index * 17) % len(words)]}] for index, word in enumerate(words[:800])}
packed = json.dumps(data, sort_keys=True)
print("json", len(packed), json.loads(packed) == data, hashlib.sha256(packed.encode()).hexdigest())
print("zlib", hashlib.md5(zlib.compress(packed.encode(), 6)).hexdigest(), zlib.crc32(packed.encode()))
print("struct", struct.pack("<dfqIhb", math.pi, math.e, -(2**62), 2**31, -3, 7).hex())


def permutations_sum(n):
    return sum(a * b for a, b, *_ in itertools.permutations(range(n)))


class Vector:
    def __init__(self, *parts):
        self.parts = parts

    def __add__(self, other):
        return Vector(*(a + b for a, b in zip(self.parts, other.parts)))

    def __repr__(self):
        return f"Vector{self.parts}"


print("objects", sum((Vector(i, i * i, -i) for i in range(3000)), Vector(0, 0, 0)), permutations_sum(6))


def shortest(size):
    grid = [[generator.randint(1, 9) for _ in range(size)] for _ in range(size)]
    best, queue = {(0, 0): 0}, [(0, 0, 0)]
    while queue:
        cost, x, y = heapq.heappop(queue)
        if cost > best[x, y]:
            continue
        for nx, ny in ((x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)):
            if 0 <= nx < size and 0 <= ny < size and cost + grid[ny][nx] < best.get((nx, ny), 10**9):
                best[nx, ny] = cost + grid[ny][nx]
                heapq.heappush(queue, (best[nx, ny], nx, ny))
    return best[size - 1, size - 1]


print("shortest", shortest(40))

# The compiler of Python at work: its own source code is the text.
source = open(difflib.__file__).read()
tree = ast.parse(source)
print("ast", collections.Counter(type(node).__name__ for node in ast.walk(tree)).most_common(12))
print("unparsed", hashlib.sha256(ast.unparse(tree).encode()).hexdigest())
lines = source.splitlines()[:120]
print("diff", sum(1 for _ in difflib.unified_diff(lines, sorted(lines))))

for depth in range(3):
    try:
        [][depth]
    except IndexError as error:
        print("exception", depth, error)
