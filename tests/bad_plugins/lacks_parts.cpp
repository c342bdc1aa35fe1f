// SPDX-License-Identifier: MIT
// A problem without loss or without data, or whose data end in a crash or an exception when a batch of training is asked for.
#include <backobs/module.h>
#include <backobs/plugin.h>

#include <ATen/ATen.h>
#include <torch/nn/modules/linear.h>

#include <csignal>
#include <numeric>
#include <stdexcept>

namespace backobs {

class BrokenBatches final : public DataSource {
 public:
  explicit BrokenBatches(std::string how) : how_(std::move(how)) {}
  std::vector<int64_t> order(Phase, const Random&) const override {
    std::vector<int64_t> all(64);
    std::iota(all.begin(), all.end(), 0);
    return all;
  }
  Batch batch(Phase phase, const std::vector<int64_t>& indices, const Random&) const override {
    const auto size = static_cast<int64_t>(indices.size());
    if (phase == Phase::train && indices.front() == 24 && how_ == "crash") ::raise(SIGSEGV);
    if (phase == Phase::train && indices.front() == 24 && how_ == "throw") throw std::runtime_error("the cupboard is empty");
    return {{at::ones({size, 3})}, {at::zeros({size}, at::kLong)}, at::tensor(indices), size};
  }
  bool drops_incomplete(Phase) const override { return true; }

 private:
  std::string how_;
};

class LacksParts final : public Problem {
 public:
  static Schema schema() {
    return {Option::text("how", "loss", "what is missing, or happens").one_of({"loss", "data", "network", "throw", "crash"})};
  }
  explicit LacksParts(const Options& options) : how_(options.text("how")) {}
  ProblemFacts facts() const override {
    ProblemFacts facts;
    facts.batch_size = 8;
    facts.epochs = 1;
    return facts;
  }
  Network network(const Random&) const override {
    Network network({3});
    if (how_ != "network") network.add("dense", torch::nn::Linear(3, 2));
    return network;
  }
  std::shared_ptr<const LossRule> loss() const override {
    if (how_ == "loss") return nullptr;
    return cross_entropy();
  }
  std::shared_ptr<const DataSource> data(const DataRequest&) const override {
    if (how_ == "data") return nullptr;
    return std::make_shared<BrokenBatches>(how_);
  }

 private:
  std::string how_;
};

}  // namespace backobs

BACKOBS_PROBLEM(backobs::LacksParts, "Lacks loss, data, modules or batches")
