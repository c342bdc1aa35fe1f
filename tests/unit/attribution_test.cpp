// SPDX-License-Identifier: MIT
#include "campaign/attribution.h"
#include "host/checked_problem.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace backobs {
namespace {

/// Notes who is at work while it is called.
class Probe final : public Extension {
 public:
  std::vector<Need> needs() const override { return {}; }
  void visit(const ParameterVisit&, Results&) override {}
  void begin_pass(const PassInfo& info) override {
    seen = position().text();
    if (info.step == 7) throw std::runtime_error("broken");
  }
  Tensor vectors(const ParameterInfo&, const std::string& name) override {
    seen = name;
    return {};
  }
  std::string seen;
};

/// Gives no batch.
struct BrokenData final : DataSource {
  std::vector<int64_t> order(Phase, const Random&) const override { return {3, 1}; }
  Batch batch(Phase, const std::vector<int64_t>&, const Random&) const override { throw std::runtime_error("no batch"); }
  bool drops_incomplete(Phase) const override { return true; }
};

/// A problem of which only the data are there.
struct BrokenProblem final : Problem {
  ProblemFacts facts() const override { throw std::runtime_error("no facts"); }
  Network network(const Random&) const override { return Network({3}); }
  std::shared_ptr<const LossRule> loss() const override { return nullptr; }
  std::shared_ptr<const DataSource> data(const DataRequest&) const override { return std::make_shared<BrokenData>(); }
};

template <typename Call>
std::string complaint(Call call) {
  position() = Position{};
  try {
    call();
  } catch (const std::exception& e) {
    return position().text() + ": " + e.what();
  }
  return "no complaint";
}

TEST(Attribution, NamesTheProblemAndWhatItLacks) {
  const auto problem = checked("problem `p` (p.so)", "p", std::make_unique<BrokenProblem>());
  EXPECT_EQ(complaint([&] { problem->facts(); }), "problem `p`, facts: no facts");
  EXPECT_EQ(complaint([&] { problem->network(Random(1)); }),
            "problem `p`, network: problem `p` (p.so): found a network without modules, wanted one at least");
  EXPECT_EQ(complaint([&] { problem->loss(); }), "problem `p`, loss: problem `p` (p.so): found no loss, wanted one");
}

TEST(Attribution, NamesTheProblemWhoseDataAreAsked) {
  position() = Position{};
  const auto data = checked("", "my_problem", std::make_unique<BrokenProblem>())->data({});
  EXPECT_EQ(data->order(Phase::train, Random(1)), (std::vector<int64_t>{3, 1}));
  EXPECT_TRUE(data->drops_incomplete(Phase::train));
  EXPECT_EQ(position().text(), "backobs itself");
  EXPECT_THROW(data->batch(Phase::train, {3}, Random(1)), std::runtime_error);
  EXPECT_EQ(position().text(), "problem `my_problem`, batch");
}

TEST(Attribution, HandsEveryCallOn) {
  const auto probe = std::make_shared<Probe>();
  attributed("ggnmp", probe)->vectors({}, "gradient");
  EXPECT_EQ(probe->seen, "gradient");
}

TEST(Attribution, NamesWhoIsAtWorkAndGoesBack) {
  position() = Position{};
  EXPECT_EQ(position().text(), "backobs itself");
  const auto probe = std::make_shared<Probe>();
  const auto marked = attributed("variance", probe);
  {
    const AtWork runner("runner", "sgd", "step");
    position().epoch = 1;
    position().step = 3;
    marked->begin_pass(PassInfo{});
    EXPECT_EQ(probe->seen, "extension `variance`, begin_pass, epoch 1, step 3");
    EXPECT_EQ(position().text(), "runner `sgd`, step, epoch 1, step 3");
  }
  EXPECT_EQ(position().text(), "backobs itself, epoch 1, step 3");
}

TEST(Attribution, KeepsTheMarkWhenAnExceptionPasses) {
  position() = Position{};
  const auto marked = attributed("variance", std::make_shared<Probe>());
  PassInfo info;
  info.step = 7;
  try {
    const AtWork runner("runner", "sgd", "step");
    marked->begin_pass(info);
    FAIL();
  } catch (const std::runtime_error&) {
    EXPECT_EQ(position().text(), "extension `variance`, begin_pass");
  }
}

TEST(Attribution, CutsLongNames) {
  position() = Position{};
  const AtWork mark("extension", std::string(500, 'x'), "visit");
  EXPECT_EQ(position().text(), "extension `" + std::string(63, 'x') + "`, visit");
}

TEST(Attribution, IsReadThroughSharedMemory) {
  position() = Position{};
  const SharedPosition shared;
  share_position(shared.descriptor());
  const AtWork mark("runner", "sgd", "step");
  position().step = 5;
  EXPECT_EQ(shared.read().text(), "runner `sgd`, step, epoch 0, step 5");
}

}  // namespace
}  // namespace backobs
