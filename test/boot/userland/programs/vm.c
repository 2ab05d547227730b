/* A program for a compiler to build: a small language, compiled to the code of a stack machine, which then runs the
   sieve, a sort, recursion, a matrix of doubles and a table of strings. Prints results and a checksum of everything. */

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t checksum = 0xcbf29ce484222325u;

static void say(const char *form, ...) {
  char line[256];
  va_list list;
  va_start(list, form);
  int length = vsnprintf(line, sizeof line, form, list);
  va_end(list);
  for (int i = 0; i < length; i++) checksum = (checksum ^ (uint8_t)line[i]) * 0x100000001b3u;
  puts(line);
}

/* ---- the machine ---- */

enum op { PUSH, LOAD, STORE, FETCH, PUT, ADD, SUB, MUL, DIV, MOD, LESS, EQUAL, NOT, JUMP, BRANCH, CALL, RETURN, PRINT, HALT };

struct code { enum op op; int64_t value; };
struct frame { int back; int64_t local[8]; };

static struct code program[2048];
static int programLength;
static int64_t heap[65536];

static int emit(enum op op, int64_t value) {
  program[programLength] = (struct code){ op, value };
  return programLength++;
}

static int64_t run(int entry, uint64_t *steps) {
  static struct frame frames[512];
  int64_t stack[256];
  int top = 0, depth = 0, at = entry;
  memset(frames, 0, sizeof frames);
  for (;; ++*steps) {
    struct code c = program[at++];
    int64_t a, b;
    switch (c.op) {
      case PUSH: stack[top++] = c.value; break;
      case LOAD: stack[top++] = frames[depth].local[c.value]; break;
      case STORE: frames[depth].local[c.value] = stack[--top]; break;
      case FETCH: stack[top - 1] = heap[stack[top - 1] & 65535]; break;
      case PUT: b = stack[--top]; a = stack[--top]; heap[a & 65535] = b; break;
      case ADD: b = stack[--top]; stack[top - 1] += b; break;
      case SUB: b = stack[--top]; stack[top - 1] -= b; break;
      case MUL: b = stack[--top]; stack[top - 1] *= b; break;
      case DIV: b = stack[--top]; stack[top - 1] = b ? stack[top - 1] / b : 0; break;
      case MOD: b = stack[--top]; stack[top - 1] = b ? stack[top - 1] % b : 0; break;
      case LESS: b = stack[--top]; stack[top - 1] = stack[top - 1] < b; break;
      case EQUAL: b = stack[--top]; stack[top - 1] = stack[top - 1] == b; break;
      case NOT: stack[top - 1] = !stack[top - 1]; break;
      case JUMP: at = (int)c.value; break;
      case BRANCH: if (!stack[--top]) at = (int)c.value; break;
      case CALL: a = stack[--top]; frames[++depth].back = at; frames[depth].local[0] = a; at = (int)c.value; break;
      case RETURN: at = frames[depth--].back; break;
      case PRINT: say("print %lld", (long long)stack[--top]); break;
      case HALT: return top ? stack[top - 1] : 0;
    }
  }
}

/* ---- the compiler: `name = expr;`, `[expr] = expr;`, `while expr { }`, `if expr { }`, `fn f(x) { }`, `ret expr;`, `print expr;` ---- */

struct name { char text[16]; int value; };

static struct name variables[8], functions[16];
static int variableCount, functionCount;
static const char *text;

static void skip(void) { while (*text == ' ' || *text == '\n') text++; }

static int accept(const char *word) {
  skip();
  size_t length = strlen(word);
  if (strncmp(text, word, length) != 0) return 0;
  if (word[0] >= 'a' && word[0] <= 'z' && text[length] >= 'a' && text[length] <= 'z') return 0;
  text += length;
  return 1;
}

static void expect(const char *word) {
  if (accept(word)) return;
  printf("expected %s at %.20s\n", word, text);
  exit(1);
}

static void identifier(char *target) {
  skip();
  int n = 0;
  while (*text >= 'a' && *text <= 'z' && n < 15) target[n++] = *text++;
  target[n] = 0;
}

static int find(struct name *names, int count, const char *wanted) {
  for (int i = 0; i < count; i++)
    if (strcmp(names[i].text, wanted) == 0) return i;
  return -1;
}

static int variable(const char *wanted) {
  int at = find(variables, variableCount, wanted);
  if (at >= 0) return at;
  strcpy(variables[variableCount].text, wanted);
  return variableCount++;
}

static void expression(int level);

static void primary(void) {
  skip();
  if (accept("(")) { expression(0); expect(")"); return; }
  if (accept("[")) { expression(0); expect("]"); emit(FETCH, 0); return; }
  if (accept("!")) { primary(); emit(NOT, 0); return; }
  if (*text >= '0' && *text <= '9') { emit(PUSH, strtoll(text, (char **)&text, 10)); return; }
  char word[16];
  identifier(word);
  if (accept("(")) {
    expression(0);
    expect(")");
    emit(CALL, functions[find(functions, functionCount, word)].value);
  } else emit(LOAD, variable(word));
}

static void expression(int level) {
  static const struct { const char *sign; int level; enum op op; } signs[] = {
    { "<", 0, LESS }, { "==", 0, EQUAL }, { "+", 1, ADD }, { "-", 1, SUB }, { "*", 2, MUL }, { "/", 2, DIV }, { "%", 2, MOD },
  };
  if (level == 3) { primary(); return; }
  expression(level + 1);
  for (unsigned i = 0; i < sizeof signs / sizeof *signs; i++) {
    if (signs[i].level != level || !accept(signs[i].sign)) continue;
    expression(level + 1);
    emit(signs[i].op, 0);
    i = -1u;
  }
}

static void block(void);

static void statement(void) {
  char word[16];
  if (accept("while")) {
    int start = programLength;
    expression(0);
    int leave = emit(BRANCH, 0);
    block();
    emit(JUMP, start);
    program[leave].value = programLength;
  } else if (accept("if")) {
    expression(0);
    int leave = emit(BRANCH, 0);
    block();
    program[leave].value = programLength;
  } else if (accept("ret")) { expression(0); expect(";"); emit(RETURN, 0);
  } else if (accept("print")) { expression(0); expect(";"); emit(PRINT, 0);
  } else if (accept("[")) { expression(0); expect("]"); expect("="); expression(0); expect(";"); emit(PUT, 0);
  } else { identifier(word); expect("="); expression(0); expect(";"); emit(STORE, variable(word)); }
}

static void block(void) {
  expect("{");
  while (!accept("}")) statement();
}

static int compile(const char *source) {
  text = source;
  while (accept("fn")) {
    identifier(functions[functionCount].text);
    functions[functionCount++].value = programLength;
    variableCount = 0;
    char word[16];
    expect("(");
    identifier(word);
    expect(")");
    variable(word);
    block();
  }
  int entry = programLength;
  variableCount = 0;
  for (skip(); *text; skip()) statement();
  emit(HALT, 0);
  return entry;
}

static const char *const LANGUAGE =
  "fn fib(n) { if n < 2 { ret n; } ret fib(n - 1) + fib(n - 2); }"
  "fn gcd(n) { a = n / 1000; b = n % 1000; while 0 < b { t = a % b; a = b; b = t; } ret a; }"
  "n = 30000; i = 2; count = 0;"
  "while i < n { if ![i] { count = count + 1; k = i * i; while k < n { [k] = 1; k = k + i; } } i = i + 1; }"
  "print count; print fib(21); print gcd(1071462);"
  "i = 0; while i < 400 { [i] = (i * 7919 + 13) % 1009; i = i + 1; }"
  "i = 1; while i < 400 { k = i; while 0 < k { if [k] < [k - 1] { t = [k]; [k] = [k - 1]; [k - 1] = t; } k = k - 1; } i = i + 1; }"
  "i = 1; while i < 400 { if [i] < [i - 1] { print 0 - 1; } i = i + 1; }"
  "print [0]; print [200]; print [399];";

/* ---- doubles and strings ---- */

static void solve(int n) {
  double a[24][25];
  for (int i = 0; i < n; i++)
    for (int j = 0; j <= n; j++) a[i][j] = (i == j ? n : 0) + 1.0 / (i + 2 * j + 1);
  for (int k = 0; k < n; k++)
    for (int i = k + 1; i < n; i++) {
      double factor = a[i][k] / a[k][k];
      for (int j = k; j <= n; j++) { double part = factor * a[k][j]; a[i][j] -= part; }
    }
  double x[24], sum = 0;
  for (int i = n - 1; i >= 0; i--) {
    double rest = a[i][n];
    for (int j = i + 1; j < n; j++) { double part = a[i][j] * x[j]; rest -= part; }
    x[i] = rest / a[i][i];
    sum += x[i];
  }
  say("solve %a %.12g %.12g", sum, x[0], x[n - 1]);
}

struct entry { char key[12]; int count; struct entry *next; };

static int byCount(const void *a, const void *b) {
  const struct entry *left = *(struct entry *const *)a, *right = *(struct entry *const *)b;
  return left->count != right->count ? right->count - left->count : strcmp(left->key, right->key);
}

static void countWords(int words) {
  static struct entry *table[256], *all[4096];
  uint32_t seed = 1;
  int kinds = 0;
  for (int i = 0; i < words; i++) {
    seed = seed * 1664525 + 1013904223;
    char key[12];
    snprintf(key, sizeof key, "w%x", (seed >> 24) * (seed >> 16 & 15));
    unsigned hash = 0;
    for (const char *p = key; *p; p++) hash = hash * 33 + (unsigned char)*p;
    struct entry *e = table[hash & 255];
    while (e && strcmp(e->key, key) != 0) e = e->next;
    if (!e) {
      e = calloc(1, sizeof *e);
      strcpy(e->key, key);
      e->next = table[hash & 255];
      table[hash & 255] = e;
      all[kinds++] = e;
    }
    e->count++;
  }
  qsort(all, kinds, sizeof *all, byCount);
  for (int i = 0; i < kinds; i += kinds / 8) say("word %s %d", all[i]->key, all[i]->count);
}

int main(void) {
  uint64_t steps = 0;
  int entry = compile(LANGUAGE);
  for (int i = 0; i < programLength; i += 16) say("code %d: %d %lld", i, program[i].op, (long long)program[i].value);
  run(entry, &steps);
  say("steps %llu", (unsigned long long)steps);
  solve(24);
  countWords(60000);
  say("checksum %016llx", (unsigned long long)checksum);
  return 0;
}
