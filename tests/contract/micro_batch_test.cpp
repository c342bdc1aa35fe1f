// SPDX-License-Identifier: MIT
// Two passes over the parts of a mini-batch against one over all of it: what is a sum over samples adds up, what is per sample
// joins, with the penalty counted once; what is neither is refused by name.
#include "contract/small_networks.h"
#include "contract/walk_case.h"

#include <backobs/error.h>

#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/embedding.h>
#include <torch/nn/modules/linear.h>

namespace backobs {
namespace {

namespace nn = torch::nn;

/// What becomes of a quantity's tensors over the parts: the axis along which they join, or that they add.
constexpr int64_t kAdds = -1;
const std::map<std::string, int64_t>& deterministic() {
  static const std::map<std::string, int64_t> axes{
      {"grad_batch", 0},           {"batch_l2", 0},   {"diag_ggn_exact_batch", 0}, {"diag_h_batch", 0}, {"sqrt_ggn_exact", 1},
      {"sum_grad_squared", kAdds}, {"kflr", kAdds},   {"diag_ggn_exact", kAdds},   {"diag_h", kAdds},   {"ggnmp", kAdds},
      {"hmp", kAdds},              {"pchmp", kAdds}};
  return axes;
}

Batch part_of(const Batch& whole, int64_t first, int64_t count) {
  Batch part{{}, {}, whole.indices.narrow(0, first, count), count};
  for (const auto& input : whole.inputs) part.inputs.push_back(input.narrow(0, first, count));
  for (const auto& target : whole.targets) part.targets.push_back(target.narrow(0, first, count));
  return part;
}

/// One pass over samples [first, first + count) of the mini-batch.
Values run_part(const Case& c, int64_t first, int64_t count, const std::vector<ExtensionInstance>& extensions,
                const PassSettings& settings = {}) {
  Pass pass(c.net, c.loss, settings);
  Values values;
  const auto outcome = pass.run(part_of(c.batch, first, count), {c.batch.size, 0, 0, Random(5)}, true, extensions,
                                [&](auto& quantity, auto& parameter, const ResultValue& value) {
                                  values[quantity + "/" + parameter] = value.tensors;
                                });
  for (const auto& parameter : c.net.parameters()) values["grad/" + parameter.name] = {parameter.value.grad().clone()};
  values["loss"] = {at::tensor(outcome.evaluation.loss, at::kDouble)};
  values["accuracy"] = {at::tensor(outcome.evaluation.accuracy, at::kDouble)};
  values["individual_loss"] = {outcome.individual_loss};
  return values;
}

int64_t axis_of(const std::string& key) {
  const auto found = deterministic().find(key.substr(0, key.find('/')));
  if (found != deterministic().end()) return found->second;
  return key == "individual_loss" ? 0 : kAdds;
}

void expect_parts_make_the_whole(const Case& c, const PassSettings& settings) {
  std::vector<std::string> names;
  for (const auto& [name, axis] : deterministic()) names.push_back(name);
  const auto extensions = make(names);
  const auto whole = run_part(c, 0, c.batch.size, extensions, settings);
  const auto first = run_part(c, 0, 2, extensions, settings);
  const auto second = run_part(c, 2, c.batch.size - 2, extensions, settings);
  EXPECT_GE(whole.size(), deterministic().size() * c.net.parameters().size());
  for (const auto& [key, values] : whole)
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto &a = first.at(key).at(i), &b = second.at(key).at(i);
      const auto joined = axis_of(key) == kAdds ? a + b : at::cat({a, b}, axis_of(key));
      EXPECT_TRUE(tensors_near(joined, values[i], 1e-10, 1e-13)) << key << " " << i;
    }
}

std::vector<PassSettings> settings() {
  std::vector<PassSettings> result(4);
  for (std::size_t i = 1; i < 4; ++i) {
    result[i].l2_reg = 0.3;
    result[i].is_regularised = [](const std::string& name) { return name != "last.bias"; };
    result[i].penalty_in_quantities = i != 2;
  }
  result[3].tiling.samples = 2;
  result[3].tiling.columns = 3;
  return result;
}

TEST(MicroBatch, PartsMakeTheWhole) {
  for (const auto reduction : {LossReduction::mean, LossReduction::sum})
    for (const bool squared_error : {false, true})
      for (const auto& each : settings()) {
        SCOPED_TRACE(::testing::Message() << "sum " << (reduction == LossReduction::sum) << ", squared error " << squared_error
                                          << ", penalty " << each.l2_reg << ", in quantities " << each.penalty_in_quantities);
        expect_parts_make_the_whole(make_case(chain(), squared_error, reduction), each);
        expect_parts_make_the_whole(make_case(branches(), squared_error, reduction), each);
      }
}

/// Other forms of parameters: a convolution, an embedding, one with two uses, one that the loss does not reach.
TEST(MicroBatch, EveryFormOfParameter) {
  Network net({6});
  const nn::Linear shared(4, 4);
  net.add("rows", nn::Embedding(7, 2));
  net.add("flat", nn::Flatten());
  const auto trunk = net.add("first", nn::Linear(12, 4));
  const auto once = net.add("a", shared, {trunk});
  net.add("aside", nn::Linear(4, 2), {once});
  net.add("tanh", nn::Tanh(), {once});
  net.add("b", shared);
  net.set_outputs({net.add("last", nn::Linear(4, 3))});
  const auto c = make_case(std::move(net), false, LossReduction::mean, 5, at::arange(30).remainder(7).reshape({5, 6}));
  const std::vector<std::string> names{"grad_batch", "batch_l2", "sum_grad_squared", "diag_ggn_exact", "diag_h_batch", "hmp"};
  const auto penalised = settings()[1];
  const auto whole = run_part(c, 0, 5, make(names), penalised), first = run_part(c, 0, 2, make(names), penalised),
             second = run_part(c, 2, 3, make(names), penalised);
  for (const auto& [key, values] : whole) {
    const auto &a = first.at(key)[0], &b = second.at(key)[0];
    EXPECT_TRUE(tensors_near(axis_of(key) == kAdds ? a + b : at::cat({a, b}, axis_of(key)), values[0], 1e-10, 1e-13)) << key;
  }
  EXPECT_GT(whole.at("grad/aside.weight")[0].abs().max().item<double>(), 1e-3);
}

/// Draws follow from the pass's Random: with another one for each part they are independent, and input factors add up.
TEST(MicroBatch, MonteCarloDrawsAreOfThePart) {
  const auto c = make_case(chain());
  const auto draw = [&](uint64_t seed, int64_t first) {
    Values values;
    Pass(c.net, c.loss, {}).run(part_of(c.batch, first, 2), {c.batch.size, 0, 0, Random(seed)}, true, make({"kfac"}),
                                [&](auto&, auto& parameter, const ResultValue& value) { values[parameter] = value.tensors; });
    return values;
  };
  EXPECT_TRUE(draw(5, 0).at("last.weight")[0].equal(draw(5, 0).at("last.weight")[0]));
  EXPECT_FALSE(draw(5, 0).at("last.weight")[0].equal(draw(6, 0).at("last.weight")[0]));
  const auto whole = run(c, make({"kfac"})), rest = run_part(c, 4, 1, make({"kfac"}));
  EXPECT_TRUE(tensors_near(draw(5, 0).at("last.weight")[1] + draw(5, 2).at("last.weight")[1] + rest.at("kfac/last.weight")[1],
                           whole.at("kfac/last.weight")[1], 1e-10, 1e-13));
}

void expect_refused(const Case& c, const std::vector<ExtensionInstance>& extensions, const std::vector<std::string>& words) {
  try {
    run_part(c, 0, 2, extensions);
    FAIL() << words.front();
  } catch (const Error& error) {
    const std::string message = error.what();
    for (const auto& word : words) EXPECT_NE(message.find(word), std::string::npos) << message;
  }
}

TEST(MicroBatch, WhatDoesNotAddUpIsRefusedByName) {
  const auto c = make_case(chain());
  expect_refused(c, make({"batch_l2", "variance"}), {"2 of 5", "`variance`"});
  expect_refused(c, make({"kfra"}), {"2 of 5", "`kfra`"});
  expect_refused(c, {make_one("g", "ggnmp", {{"vectors", {"gradient"}}})}, {"2 of 5", "`g`", "gradient"});
  expect_refused(c, {make_one("some", "grad_batch", {{"subsampling", {"3"}}})}, {"position 3", "2 samples"});
}

TEST(MicroBatch, NormalisationOverTheBatchNeedsAllOfIt) {
  Network net({6});
  net.add("norm", nn::BatchNorm1d(6));
  net.add("last", nn::Linear(6, 3));
  const auto c = make_case(std::move(net));
  expect_refused(c, {}, {"2 of 5", "normalisation over the batch"});
  Pass pass(c.net, c.loss, {});
  EXPECT_NO_THROW(pass.run(part_of(c.batch, 0, 2), {5, 0, 0, Random(5)}, false, make({"grad_batch"})));
}

TEST(MicroBatch, IgnoredTargetsDependOnAllSamples) {
  auto c = make_case(chain());
  c.batch.targets = {at::tensor({0, -100, 1, 2, 1}, at::kLong)};
  expect_refused(c, {}, {"2 of 5", "CrossEntropyLoss"});
  c.loss = cross_entropy(LossReduction::sum);
  expect_refused(c, {}, {"2 of 5", "accuracy"});
}

TEST(MicroBatch, MoreThanTheMiniBatchIsRefused) {
  const auto c = make_case(chain());
  EXPECT_THROW(Pass(c.net, c.loss, {}).run(c.batch, {3, 0, 0, Random(5)}, true), ComputeError);
}

}  // namespace
}  // namespace backobs
