// Regular expressions, compiled to a small program and searched by following all its threads at once (after Thompson):
// letters, dots, classes, groups, alternatives, and the three repetitions.

#include "bench.h"
#include <string.h>

enum Op { LETTER, ANY, CLASS, SPLIT, JUMP, MATCH };

typedef struct {
  uint8_t op, letter;
  /** Of CLASS: its number; of JUMP and SPLIT: where to go on. */
  int16_t x, y;
} Node;

enum { MOST_NODES = 128, MOST_CLASSES = 8, LINES = 40, LINE = 80 };

typedef struct {
  Node nodes[MOST_NODES];
  int count;
  uint8_t classes[MOST_CLASSES][256];
  int class_count;
} Program;

typedef struct {
  int16_t nodes[MOST_NODES];
  int count;
} Threads;

static Program program;
static const char *pattern;

static int emit(Node node) {
  if (program.count == MOST_NODES) fail("the pattern is too long");
  program.nodes[program.count] = node;
  return program.count++;
}

// Makes room for one node at `at`; jumps beyond it move along.
static void insert(int at, Node node) {
  emit(node);
  for (int i = program.count - 1; i > at; i--) {
    program.nodes[i] = program.nodes[i - 1];
    Node *const moved = &program.nodes[i];
    if (moved->op != SPLIT && moved->op != JUMP) continue;
    if (moved->x >= at) moved->x++;
    if (moved->op == SPLIT && moved->y >= at) moved->y++;
  }
  program.nodes[at] = node;
}

static void parse_class(void) {
  uint8_t *const members = program.classes[program.class_count];
  memset(members, 0, 256);
  const int is_not = *pattern == '^';
  for (pattern += is_not; *pattern != ']'; pattern++) {
    const uint8_t from = (uint8_t)*pattern;
    if (pattern[1] == '-') pattern += 2;
    memset(members + from, 1, (size_t)((uint8_t)*pattern - from + 1));
  }
  pattern++;
  for (int i = 0; i < 256; i++) members[i] ^= (uint8_t)is_not;
  emit((Node){CLASS, 0, (int16_t)program.class_count++, 0});
}

static void parse_choice(void);

static void parse_atom(void) {
  const char letter = *pattern++;
  if (letter == '(') {
    parse_choice();
    pattern++;
  } else if (letter == '[') parse_class();
  else emit((Node){letter == '.' ? ANY : LETTER, (uint8_t)letter, 0, 0});
}

static void parse_sequence(void) {
  while (*pattern != 0 && *pattern != ')' && *pattern != '|') {
    const int start = program.count;
    parse_atom();
    const int16_t first = (int16_t)start;
    switch (*pattern) {
      case '*':
        insert(start, (Node){SPLIT, 0, (int16_t)(start + 1), 0});
        emit((Node){JUMP, 0, first, 0});
        program.nodes[start].y = (int16_t)program.count;
        pattern++;
        break;
      case '+':
        emit((Node){SPLIT, 0, first, (int16_t)(program.count + 1)});
        pattern++;
        break;
      case '?':
        insert(start, (Node){SPLIT, 0, (int16_t)(start + 1), 0});
        program.nodes[start].y = (int16_t)program.count;
        pattern++;
        break;
    }
  }
}

static void parse_choice(void) {
  const int start = program.count;
  parse_sequence();
  if (*pattern != '|') return;
  insert(start, (Node){SPLIT, 0, (int16_t)(start + 1), 0});
  const int jump = emit((Node){JUMP, 0, 0, 0});
  program.nodes[start].y = (int16_t)program.count;
  pattern++;
  parse_choice();
  program.nodes[jump].x = (int16_t)program.count;
}

static void compile(const char *text) {
  memset(&program, 0, sizeof program);
  pattern = text;
  parse_choice();
  emit((Node){MATCH, 0, 0, 0});
}

static uint32_t marks[MOST_NODES], mark;

static void follow(Threads *threads, int at) {
  if (marks[at] == mark) return;
  marks[at] = mark;
  const Node *const node = &program.nodes[at];
  if (node->op == JUMP) follow(threads, node->x);
  else if (node->op == SPLIT) {
    follow(threads, node->x);
    follow(threads, node->y);
  } else threads->nodes[threads->count++] = (int16_t)at;
}

// How many letters of the text the longest match covers that ends first; -1: none.
static int search(const char *text) {
  static Threads lists[2];
  Threads *now = &lists[0], *then = &lists[1];
  now->count = 0;
  mark++;
  for (int at = 0;; at++) {
    follow(now, 0);
    mark++;
    then->count = 0;
    for (int i = 0; i < now->count; i++) {
      const Node *const node = &program.nodes[now->nodes[i]];
      const uint8_t letter = (uint8_t)text[at];
      switch (node->op) {
        case MATCH: return at;
        case LETTER: if (letter == node->letter) follow(then, now->nodes[i] + 1); break;
        case ANY: if (letter != 0) follow(then, now->nodes[i] + 1); break;
        default: if (letter != 0 && program.classes[node->x][letter]) follow(then, now->nodes[i] + 1); break;
      }
    }
    if (text[at] == 0) return -1;
    Threads *const other = now;
    now = then;
    then = other;
  }
}

static const char *const patterns[] = {
  "[a-z]+@[a-z]+.(com|org|net)", "(error|warn(ing)?): .*[0-9]+", "x*y+z?w", "([0-9]+-)+[0-9]+ end", "a.*b.*c.*d",
};

static char lines[LINES][LINE + 1];
static uint32_t state = 0x777;

void prepare(void) {
  compile("a(b|c)*d");
  if (search("xxabcbcd") != 8 || search("abce") != -1) fail("a pattern is not found where it is");
  static const char *const words[] = {"error: ",   "user@host.org ", "12-34-56 ", "xxyyz ",
                                      "warning: ", "the end ",       "b c ",      "7 "};
  for (int i = 0; i < LINES; i++)
    for (int at = 0; at < LINE;) {
      for (const char *word = words[next_random(&state) & 7]; *word != 0 && at < LINE; word++) lines[i][at++] = *word;
      if (at < LINE) lines[i][at++] = (char)('a' + next_random(&state) % 26);
    }
}

uint64_t step(uint64_t sum) {
  for (unsigned p = 0; p < sizeof patterns / sizeof *patterns; p++) {
    compile(patterns[p]);
    for (int i = 0; i < LINES; i++) sum = mix(sum, (uint64_t)search(lines[i]));
  }
  lines[sum % LINES][(sum >> 16) % LINE] = (char)('a' + (sum >> 32) % 26);
  return sum;
}
