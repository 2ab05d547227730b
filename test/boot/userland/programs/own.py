# Runs some of Python's own tests (the modules named as arguments) and prints one line for each: its name and how it ended.

import sys
import unittest


class Lines(unittest.TestResult):
    def line(self, test, ending):
        print(test.id(), ending, flush=True)

    def addSuccess(self, test):
        self.line(test, "ok")

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.line(test, "skipped")

    def addExpectedFailure(self, test, error):
        super().addExpectedFailure(test, error)
        self.line(test, "failed as expected")

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.line(test, "UNEXPECTED SUCCESS")

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.line(test, "FAILED\n" + self.failures[-1][1])

    def addError(self, test, error):
        super().addError(test, error)
        self.line(test, "FAILED\n" + self.errors[-1][1])


result = Lines()
unittest.defaultTestLoader.loadTestsFromNames(sys.argv[1:]).run(result)
print(result.testsRun, "tests,", len(result.failures) + len(result.errors), "failed")
