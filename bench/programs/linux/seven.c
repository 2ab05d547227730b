// What fork.c starts: a program that says 7 with its exit status, and no more.

int main(void) { return 7; }
