// SPDX-License-Identifier: MIT
// Counts its passes, in a state that outlives a restart, until it crashes, throws, hangs or exits at one step.
#include "idle_extension.h"

#include <ATen/ATen.h>

#include <unistd.h>

#include <csignal>
#include <fstream>
#include <stdexcept>

namespace backobs {

class FailsAtStep : public IdleExtension {
 public:
  static Schema schema() {
    return {Option::text("how", "crash", "what happens").one_of({"crash", "throw", "hang", "exit"}),
            Option::integer("step", 3, "at this global step").at_least(0),
            Option::text("marker", "", "file that is made then; where it is there already, nothing happens")};
  }
  explicit FailsAtStep(const Options& options)
      : IdleExtension(options),
        how_(options.text("how")),
        marker_(options.text("marker")),
        step_(options.integer("step")) {}

  void begin_pass(const PassInfo& info) override {
    ++passes_;
    if (info.step == step_ && is_first()) fail();
  }
  void end_pass(Results& results) override { results.put("passes", at::scalar_tensor(passes_, at::kDouble)); }
  void save_state(State& state) const override { state.put("passes", passes_); }
  void load_state(const State& state) override { passes_ = state.integer("passes"); }

 private:
  bool is_first() const {
    if (marker_.empty()) return true;
    if (std::ifstream(marker_)) return false;
    std::ofstream(marker_) << "was here\n";
    return true;
  }
  void fail() const {
    if (how_ == "throw") throw std::runtime_error("thrown on purpose");
    if (how_ == "crash") ::raise(SIGSEGV);
    if (how_ == "exit") ::_exit(0);
    while (true) ::pause();
  }

  std::string how_, marker_;
  int64_t step_, passes_ = 0;
};

}  // namespace backobs

BACKOBS_EXTENSION(backobs::FailsAtStep, "Crashes, throws, hangs or exits at one step", "")
