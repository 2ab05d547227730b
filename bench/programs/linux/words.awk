# Counts words, joins and splits lines, and adds numbers, in busybox's awk: an interpreter with hash tables and strings.
# `n` is how often; the checksum is printed as the other programs do.

BEGIN {
  split("deck mast hull keel rope sail wind wave port star", word)
  state = 12345
  for (round = 0; round < n; round++) {
    line = ""
    for (i = 0; i < 20; i++) {
      state = (state * 1103 + 12345) % 1000003
      line = line word[state % 10 + 1] state % 97 " "
    }
    count = split(line, field, " ")
    for (i = 1; i <= count; i++) {
      uses[field[i]]++
      sum += length(field[i]) * i
    }
    if (line ~ /keel[0-9]+ sail/) sum += index(line, "sail")
    gsub(/[aeiou]/, "", line)
    sum += length(line)
    sum = sum % 1000003
  }
  for (name in uses) total += uses[name] * length(name)
  printf "checksum %08x%08x\n", sum, total
}
