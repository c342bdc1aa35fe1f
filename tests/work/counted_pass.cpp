// SPDX-License-Identifier: MIT
// The pass whose instructions count_instructions.py has Callgrind count: counted_pass PROBLEM SAMPLES [EXTENSION…]. The
// pass before it makes what is made once.
#include "contract/noise_pass.h"

#include <valgrind/callgrind.h>

int main(int count, char** arguments) {
  if (count < 3) return 2;
  backobs::NoisePass pass(arguments[1], {arguments + 3, arguments + count}, std::stol(arguments[2]));
  pass.run(0);
  CALLGRIND_START_INSTRUMENTATION;
  pass.run(1);
  CALLGRIND_STOP_INSTRUMENTATION;
}
