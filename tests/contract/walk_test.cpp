// SPDX-License-Identifier: MIT
// The walk against autograd and brute force on small networks: rules, fallback, branches, shared parameters, tiles,
// penalty, independence of what else is in the pass.
#include "contract/small_networks.h"
#include "contract/walk_case.h"

#include <backobs/error.h>

#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/linear.h>

namespace backobs {
namespace {

namespace nn = torch::nn;

TEST(Walk, ChainEqualsBruteForce) { expect_matches_brute_force(make_case(chain())); }
TEST(Walk, ChainWithSumAndSquaredError) { expect_matches_brute_force(make_case(chain(), true, LossReduction::sum)); }
TEST(Walk, BranchesEqualBruteForce) { expect_matches_brute_force(make_case(branches())); }
TEST(Walk, PenaltyIsPartOfEveryQuantity) {
  expect_matches_brute_force(make_case(chain()), 0.3);
  expect_matches_brute_force(make_case(branches(), true), 0.3);
}
TEST(Walk, OneSample) { expect_matches_brute_force(make_case(chain(), false, LossReduction::mean, 1)); }

TEST(Walk, SharedParameterAddsItsUsesBeforeSquaring) {
  Network net({6});
  const nn::Linear shared(6, 6);
  net.add("a", shared);
  net.add("relu", nn::ReLU());
  net.add("b", shared);
  net.add("last", nn::Linear(6, 3));
  ASSERT_EQ(net.parameters().size(), 4u);
  const auto c = make_case(std::move(net));
  const auto found = run(c, make({"grad_batch", "sum_grad_squared", "diag_ggn_exact"}));
  const auto l = contributions(c, with_graph(c));
  for (const auto& parameter : c.net.parameters()) {
    TensorList rows;
    for (int64_t i = 0; i < c.batch.size; ++i) rows.push_back(torch::autograd::grad({l[i]}, {parameter.value}, {}, true)[0]);
    const auto g = at::stack(rows);
    EXPECT_TRUE(equal_up_to_rounding(found.at("grad/" + parameter.name)[0], g.sum(0)));
    EXPECT_TRUE(equal_up_to_rounding(found.at("grad_batch/" + parameter.name)[0], g));
    EXPECT_TRUE(equal_up_to_rounding(found.at("sum_grad_squared/" + parameter.name)[0], g.square().sum(0)));
  }
  for (const auto& refusal : Pass(c.net, c.loss, {}).refusals(make({"kflr"}))) EXPECT_EQ(refusal.parameter.substr(0, 2), "a.");
}

TEST(Walk, EveryTilingGivesTheSame) {
  for (auto& c : {make_case(chain()), make_case(branches())}) {
    PassSettings penalised;
    penalised.l2_reg = 0.1;
    penalised.is_regularised = [](const std::string& name) { return name.find("weight") != std::string::npos; };
    const auto whole = run(c, make(all_names()), penalised);
    ASSERT_GT(whole.size(), 100u);
    for (const auto& [samples, columns] : std::vector<std::pair<int64_t, int64_t>>{{1, 1}, {2, 2}, {3, 0}, {0, 1}, {5, 3}, {4, 7}}) {
      auto settings = penalised;
      settings.tiling.samples = samples;
      settings.tiling.columns = columns;
      const auto tiled = run(c, make(all_names()), settings);
      ASSERT_EQ(tiled.size(), whole.size());
      for (const auto& [key, values] : whole)
        for (std::size_t i = 0; i < values.size(); ++i)
          EXPECT_TRUE(key.rfind("grad/", 0) == 0 ? tiled.at(key)[i].equal(values[i]) : equal_up_to_rounding(tiled.at(key)[i], values[i]))
              << key << ", tile " << samples << " x " << columns;
    }
  }
}

TEST(Walk, AnExtensionChangesNoOtherNumber) {
  const auto c = make_case(chain());
  const auto all = run(c, make(all_names()));
  for (const auto& name : all_names())
    for (const auto& [key, values] : run(c, make({name})))
      for (std::size_t i = 0; i < values.size(); ++i) EXPECT_TRUE(all.at(key)[i].equal(values[i])) << key << " alone and with all";
}

TEST(Walk, EveryExtensionContinuesFromItsSavedState) {
  const auto c = make_case(chain());
  for (const auto& name : all_names()) {
    const auto uninterrupted = make({name}), interrupted = make({name}), resumed = make({name});
    run(c, uninterrupted, {}, 0);
    const auto wanted = run(c, uninterrupted, {}, 1);
    run(c, interrupted, {}, 0);
    State state;
    interrupted[0].extension->save_state(state);
    resumed[0].extension->load_state(state);
    const auto found = run(c, resumed, {}, 1);
    ASSERT_EQ(found.size(), wanted.size()) << name;
    for (const auto& [key, values] : wanted)
      for (std::size_t i = 0; i < values.size(); ++i) EXPECT_TRUE(found.at(key)[i].equal(values[i])) << key << " of " << name;
  }
}

TEST(Walk, DrawsFollowTheStep) {
  const auto c = make_case(chain());
  const auto first = run(c, make({"kfac"}), {}, 0), again = run(c, make({"kfac"}), {}, 0), next = run(c, make({"kfac"}), {}, 1);
  EXPECT_TRUE(first.at("kfac/last.bias")[0].equal(again.at("kfac/last.bias")[0]));
  EXPECT_FALSE(first.at("kfac/last.bias")[0].equal(next.at("kfac/last.bias")[0]));
}

TEST(Walk, TakenResultsSurviveTheNextPass) {
  const auto c = make_case(chain());
  Pass pass(c.net, c.loss, {});
  const auto extensions = make(all_names());
  const auto take = [&](int64_t step) {
    Values values;
    pass.run(c.batch, {c.batch.size, 0, step, Random(5)}, true, extensions,
             [&](auto& quantity, auto& parameter, const ResultValue& value) { values[quantity + "/" + parameter] = value.tensors; });
    return values;
  };
  const auto kept = take(0);
  Values copies;
  for (const auto& [key, values] : kept)
    for (const auto& value : values) copies[key].push_back(value.clone());
  at::NoGradGuard no_grad;
  for (const auto& parameter : c.net.parameters()) Tensor(parameter.value).mul_(1.5);
  take(1);
  for (const auto& [key, values] : kept)
    for (std::size_t i = 0; i < values.size(); ++i) EXPECT_TRUE(values[i].equal(copies[key][i])) << key;
}

TEST(Walk, RefusalsNameTheReason) {
  const auto c = make_case(branches());
  const Pass pass(c.net, c.loss, {});
  const auto refusals = pass.refusals(make({"kfra", "kflr"}));
  ASSERT_FALSE(refusals.empty());
  for (const auto& refusal : refusals) {
    EXPECT_EQ(refusal.quantity, "kfra");
    EXPECT_NE(refusal.parameter.substr(0, 4), "last");
    EXPECT_NE(refusal.reason.find("branches "), std::string::npos) << refusal.reason;
  }
}

/// float32, a mean 1e4 times the spread: never negative, within 1e-3 of a two-pass computation in float64.
TEST(Walk, VarianceSurvivesALargeMean) {
  Network net({3});
  net.add("dense", nn::Linear(3, 1));
  at::manual_seed(0);
  at::NoGradGuard no_grad;
  const auto x = 100 + 0.01 * at::randn({32, 3});
  const auto y = -1e4 * at::ones({32, 1});
  Pass pass(net, mean_squared_error(), {});
  Tensor individual, variance;
  pass.run({{x}, {y}, at::arange(32), 32}, {32, 0, 0, Random()}, true, make({"grad_batch", "variance"}),
           [&](auto& quantity, auto& parameter, const ResultValue& value) {
             if (parameter == "dense.weight") (quantity == "variance" ? variance : individual) = value.tensors[0];
           });
  const auto g = individual.to(at::kDouble);
  const auto wanted = (g - g.mean(0)).square().mean(0);
  EXPECT_GT((wanted / g.mean(0).square()).min().item<double>(), 1e-9);
  EXPECT_TRUE(variance.ge(0).all().item<bool>());
  EXPECT_LE(((variance.to(at::kDouble) - wanted).abs() / wanted).max().item<double>(), 1e-3);
}

TEST(Walk, UndeclaredNeedNamesTheExtension) {
  struct Careless final : Extension {
    std::vector<Need> needs() const override { return {}; }
    void visit(const ParameterVisit& p, Results& results) override { results.put(p, p.columns(SignalKey::gradient())); }
  };
  const auto c = make_case(chain());
  try {
    run(c, {{"careless", std::make_shared<Careless>()}});
    FAIL();
  } catch (const PluginError& error) {
    EXPECT_NE(std::string(error.what()).find("careless"), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("columns of gradient"), std::string::npos);
  }
}

}  // namespace
}  // namespace backobs
