// A mix like Dhrystone's: records that are copied and linked, short strings that are copied and compared, enumerations,
// global variables, and many calls of small functions.

#include "bench.h"
#include <string.h>

enum { ROUNDS = 4000, LETTERS = 30 };

enum Kind { NORTH, EAST, SOUTH, WEST, NOWHERE };

typedef struct Record {
  struct Record *next;
  enum Kind kind;
  enum Kind other;
  int count;
  char name[LETTERS + 1];
} Record;

static Record first, second;
static Record *head = &first;
static int total;
static int is_equal;
static char letter_a, letter_b;
static int row[50], table[50][50];

__attribute__((noinline)) static enum Kind same_letter(char a, char b) {
  const char c = a;
  if (c != b) return NORTH;
  letter_a = c;
  return EAST;
}

__attribute__((noinline)) static int is_later(const char *a, const char *b) {
  int at = 2;
  char letter = 'A';
  while (at <= 2)
    if (same_letter(a[at], b[at + 1]) == NORTH) {
      letter = 'A';
      at++;
    } else at += 2;
  if (letter >= 'W' && letter < 'Z') at = 7;
  if (letter == 'R') return 1;
  if (strcmp(a, b) <= 0) return 0;
  total += at + 7;
  return 1;
}

__attribute__((noinline)) static int is_south(enum Kind kind) { return kind == SOUTH; }

__attribute__((noinline)) static void turn(enum Kind from, enum Kind *to) {
  *to = is_south(from) ? from : WEST;
  switch (from) {
    case NORTH: *to = NORTH; break;
    case EAST: *to = total > 100 ? NORTH : WEST; break;
    case SOUTH: *to = EAST; break;
    case WEST: break;
    case NOWHERE: *to = SOUTH; break;
  }
}

__attribute__((noinline)) static void add(int a, int b, int *sum) { *sum = b + a + 2; }

__attribute__((noinline)) static void fill(int *line, int cells[50][50], int at, int value) {
  const int place = at + 5;
  line[place] = value;
  line[place + 1] = line[place];
  line[place + 30 - 10] = place;
  for (int i = place; i <= place + 1; i++) cells[place][i] = place;
  cells[place][place - 1]++;
  cells[place + 10][place] = line[place];
  total = 5;
}

__attribute__((noinline)) static void follow(Record **at) {
  if (head == NULL) return;
  *at = head->next;
  add(10, total, &head->count);
}

__attribute__((noinline)) static void copy_record(Record *from) {
  Record *const to = from->next;
  *to = *head;
  from->count = 5;
  to->count = from->count;
  to->next = from->next;
  follow(&to->next);
  if (to->kind == NORTH) {
    to->count = 6;
    turn(from->other, &to->other);
    to->next = head->next;
    add(to->count, 10, &to->count);
  } else *from = *from->next;
}

__attribute__((noinline)) static void look(void) {
  is_equal |= letter_a == 'A';
  letter_b = 'B';
}

void prepare(void) {
  first.next = &second;
  first.kind = NORTH;
  first.other = SOUTH;
  first.count = 40;
  strcpy(first.name, "A PROGRAM OF MANY SMALL WORDS,");
}

uint64_t step(uint64_t sum) {
  char one[LETTERS + 1], two[LETTERS + 1];
  strcpy(one, "A PROGRAM OF MANY SMALL WORDS,");
  for (int i = 1; i <= ROUNDS; i++) {
    int a = 2, b = 3, c = 0;
    letter_a = 'A';
    look();
    strcpy(two, "A PROGRAM OF MANY SMALL NAMES,");
    two[25] = (char)('A' + (i + (int)(sum & 7)) % 26);
    enum Kind kind = EAST;
    is_equal = !is_later(one, two);
    while (a < b) {
      c = 5 * a - b;
      add(a, b, &c);
      a++;
    }
    fill(row, table, a, c);
    copy_record(head);
    for (char letter = 'A'; letter <= letter_b; letter++)
      if (kind == same_letter(letter, 'C')) {
        turn(NORTH, &kind);
        strcpy(two, "ANOTHER PROGRAM OF SMALL WORDS");
        b = i;
      }
    b = b * a;
    a = b / (c | 1);
    b = 7 * (b - c) - a;
    sum += (uint64_t)(a ^ b) + (uint64_t)is_equal + (uint64_t)total + (uint64_t)second.count;
  }
  return mix(sum, (uint64_t)table[8][7] + (uint64_t)row[8]);
}
