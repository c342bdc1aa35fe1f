// SPDX-License-Identifier: MIT
// A runner that throws, what may be no exception, or crashes in its third step.
#include <backobs/plugin.h>

#include <csignal>
#include <cstdlib>
#include <stdexcept>

namespace backobs {

class FailsInStep final : public Runner {
 public:
  static Schema schema() {
    return {Option::real("lr", 0.1, "nothing depends on it").greater_than(0),
            Option::text("how", "throw", "what happens").one_of({"throw", "number", "crash", "abort"})};
  }
  explicit FailsInStep(const Options& options) : how_(options.text("how")) {}
  std::string optimizer_name() const override { return "FailsInStep"; }
  void prepare(const std::vector<Parameter>&) override {}
  double step(Step& step) override {
    const double loss = step.evaluate();
    if (step.global() != 2) return loss;
    if (how_ == "number") throw 7;
    if (how_ == "crash") ::raise(SIGSEGV);
    if (how_ == "abort") std::abort();
    throw std::runtime_error("no further");
  }
  void set_rate_factor(double) override {}
  double rate() const override { return 0.1; }
  void save_state(State&) const override {}
  void load_state(const State&) override {}

 private:
  std::string how_;
};

}  // namespace backobs

BACKOBS_RUNNER(backobs::FailsInStep, "Throws or crashes in its third step")
