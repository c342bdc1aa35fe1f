// SPDX-License-Identifier: MIT
#include "campaign/worker.h"

#include <signal.h>

#include <utility>

namespace backobs {

Worker::Worker(const Run& run, RunLock lock, const RunCommand& command, int experiment)
    : run_(&run),
      lock_(std::move(lock)),
      process_(command(run, shared_.descriptor()), {experiment, shared_.descriptor(), lock_.descriptor()}) {}

double Worker::silence_s() {
  const auto now = Clock::now();
  const int64_t beats = position().beats;
  if (std::exchange(beats_, beats) != beats) last_beat_ = now;
  return std::chrono::duration<double>(now - last_beat_).count();
}

void Worker::hear(const std::string& line) {
  const std::string head = "error: ";
  if (line.compare(0, head.size(), head) == 0) last_words_ = line.substr(head.size());
}

void Worker::kill(std::string why) {
  if (!killed_because_.empty()) return;
  killed_because_ = std::move(why);
  process_.send(SIGKILL);
}

}  // namespace backobs
