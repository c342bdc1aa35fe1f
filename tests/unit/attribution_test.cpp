// SPDX-License-Identifier: MIT
#include "campaign/attribution.h"

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
