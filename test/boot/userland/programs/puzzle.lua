-- Work for a compiler that never comes to rest: loops in number, float and string code, closures and tables, and new
-- functions all the time, whose machine code takes the place of older code. Prints what an interpreter would print.

local function rounds(n)
  local s = 0
  for i = 1, n do
    s = (s * 31 + i) % 1000003
    if s % 7 == 3 then s = s + 5 elseif s % 11 == 0 then s = s - 2 end
  end
  return s
end

local function mandelbrot(size)
  local inside = 0
  for y = 0, size - 1 do
    for x = 0, size - 1 do
      local cr, ci, zr, zi, n = 2.0 * x / size - 1.5, 2.0 * y / size - 1.0, 0.0, 0.0, 0
      while n < 50 and zr * zr + zi * zi < 4.0 do
        zr, zi = zr * zr - zi * zi + cr, 2.0 * zr * zi + ci
        n = n + 1
      end
      if n == 50 then inside = inside + 1 end
    end
  end
  return inside
end

local function queens(n)
  local count, columns, up, down = 0, {}, {}, {}
  local function place(row)
    if row > n then count = count + 1 return end
    for c = 1, n do
      if not (columns[c] or up[row + c] or down[row - c]) then
        columns[c], up[row + c], down[row - c] = true, true, true
        place(row + 1)
        columns[c], up[row + c], down[row - c] = nil, nil, nil
      end
    end
  end
  place(1)
  return count
end

local function words(n)
  local counts, order = {}, {}
  local seed = 42
  for _ = 1, n do
    seed = (seed * 1103515245 % 2147483648 + 12345) % 2147483648
    local word = string.char(97 + seed % 26, 97 + math.floor(seed / 65536) % 26)
    if not counts[word] then counts[word] = 0 order[#order + 1] = word end
    counts[word] = counts[word] + 1
  end
  table.sort(order, function(a, b) return counts[a] > counts[b] or (counts[a] == counts[b] and a < b) end)
  local text = {}
  for i = 1, 20 do text[i] = order[i] .. counts[order[i]] end
  return table.concat(text, " ")
end

-- Each of these is compiled, runs hot, and is forgotten.
local function inventions(n)
  local total = 0
  for i = 1, n do
    local operator = ({ "+", "-", "*" })[i % 3 + 1]
    local source = string.format(
      "local a = ... local s = 1 for i = 1, 300 do s = (s %s (a + i) * %d) %% 65521 end return s", operator, i)
    local f = assert(loadstring(source))
    for k = 1, 5 do total = (total + f(k)) % 2147483647 end
    if jit and i % 40 == 0 then jit.flush() end
  end
  return total
end

local bit = require("bit")
local function xorshift(n)
  local x = 123456789
  for _ = 1, n do
    x = bit.bxor(x, bit.lshift(x, 13))
    x = bit.bxor(x, bit.rshift(x, 17))
    x = bit.bxor(x, bit.lshift(x, 5))
  end
  return x
end

print("rounds", rounds(3000000))
print("mandelbrot", mandelbrot(160))
print("queens", queens(7))
print("words", words(200000))
print("xorshift", xorshift(2000000))
for pass = 1, 3 do print("inventions", pass, inventions(150 * pass)) end
