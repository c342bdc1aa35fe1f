// SPDX-License-Identifier: MIT
// What a step records of normalised networks, whose quantities are of another network than is trained.
#include "campaign/training_step.h"

#include "contract/walk_case.h"

#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/linear.h>

namespace backobs {
namespace {

namespace nn = torch::nn;

Network network(bool normalised) {
  Network net({6});
  net.add("first", nn::Linear(6, 4));
  if (normalised) net.add("norm", nn::BatchNorm1d(4));
  net.add("last", nn::Linear(4, 3));
  return net;
}

/// Keeps what is recorded, by step, and the names of what is saved.
struct Listener final : TrainingObserver {
  void recorded(const StepPosition& at, const std::string& quantity, const std::string& reduction,
                const std::string& parameter, double value) override {
    rows[at.global][quantity + "." + reduction + " " + parameter] = value;
  }
  void saved(const StepPosition&, const std::string& extension, const std::string&, const std::string& parameter,
             const TensorList&) override {
    files.insert(extension + " " + parameter);
  }
  std::map<int64_t, std::map<std::string, double>> rows;
  std::set<std::string> files;
};

/// Steps 0 and 1, with an extension that is due at the first.
Listener two_steps(bool normalised, bool save) {
  const auto c = make_case(network(normalised));
  Pass pass(c.net, c.loss, {});
  Listener listener;
  const Watched watched{make({"grad_batch"})[0], 2, {{"sum", reduction_named("sum")}}, false, save};
  HeldStep step(pass, Random(5), {watched}, {}, listener);
  for (int64_t i = 0; i < 2; ++i) {
    step.hold(c.batch, {0, i, i, 2});
    step.evaluate_with_gradient();
    step.evaluate_with_gradient();  // a second look records nothing
  }
  return listener;
}

TEST(HeldStep, RecordsTheGradientThatQuantitiesAreOf) {
  const Listener listener = two_steps(true, true);
  ASSERT_EQ(listener.rows.size(), 1u);
  const auto& rows = listener.rows.at(0);
  EXPECT_EQ(rows.size(), 12u);
  for (const char* parameter : {"first.weight", "first.bias", "norm.weight", "norm.bias", "last.weight", "last.bias"}) {
    const double found = rows.at(std::string("grad_eval.sum ") + parameter);
    EXPECT_NEAR(found, rows.at(std::string("grad_batch.sum ") + parameter), 1e-10) << parameter;
    EXPECT_TRUE(listener.files.count(std::string("grad_eval ") + parameter)) << parameter;
  }
}

TEST(HeldStep, RecordsNoOtherGradientWhereThereIsNone) {
  const Listener listener = two_steps(false, false);
  for (const auto& [name, value] : listener.rows.at(0)) EXPECT_EQ(name.rfind("grad_batch.sum", 0), 0u) << name;
  EXPECT_TRUE(listener.files.empty());
}

/// What the reductions of some quantities are, by quantity, reduction and parameter.
std::map<std::string, double> recorded(bool in_blocks) {
  const auto c = make_case(network(false));
  PassSettings settings;
  settings.tiling.block_bytes = 100;  // three or four rows of the smaller parameters
  Pass pass(c.net, c.loss, settings);
  std::vector<Watched> all;
  for (auto& instance : make({"grad_batch", "sqrt_ggn_exact", "diag_h_batch"})) {
    all.push_back({instance, 1, {}, false, false});
    for (const auto& name : reduction_names())
      if (joined_by(name)) all.back().record.emplace_back(name, reduction_named(name));
    EXPECT_TRUE(all.back().joins_blocks());
    if (in_blocks) all.back().instance.blocks = blocks_of(*instance.extension);
  }
  Listener listener;
  HeldStep step(pass, Random(5), all, {}, listener);
  step.hold(c.batch, {0, 0, 0, 1});
  step.evaluate_with_gradient();
  return listener.rows.at(0);
}

TEST(HeldStep, RecordsOfBlocksWhatItRecordsOfTheWhole) {
  const auto blocks = recorded(true), whole = recorded(false);
  ASSERT_EQ(blocks.size(), whole.size());
  EXPECT_EQ(whole.size(), 3u * 6 * 4);  // quantities, reductions, parameters
  for (const auto& [key, value] : whole) EXPECT_NEAR(blocks.at(key), value, 1e-12 * (1 + std::abs(value))) << key;
}

}  // namespace
}  // namespace backobs
