// Nothing at all: what remains is the cost of starting a machine and ending it.

int main(void) { return RESULT; }
