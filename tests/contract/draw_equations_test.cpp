// SPDX-License-Identifier: MIT
// The equations of everything that is drawn: means against exact values, the variance of one draw. Numbers are those of
// docs/quantities.md, "Equations under test".
#include "contract/random_network.h"

namespace backobs {
namespace {

/// Whether the mean of independent draws [M, ...] is within six standard errors, which the draws themselves give.
::testing::AssertionResult mean_within_six_errors(const Tensor& draws, const Tensor& mean) {
  const auto error = draws.std(0) / std::sqrt(static_cast<double>(draws.size(0)));
  const auto deviation = ((draws.mean(0) - mean).abs() - 1e-12 * (1 + mean.abs())).clamp_min(0) / error.clamp_min(1e-300);
  if (deviation.le(6).all().item<bool>()) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << deviation.max().item<double>() << " standard errors from the exact mean";
}

/// Scales the last layer so that no logit exceeds 2: labels too rare to be drawn would have an error that draws do not show.
void tame_outputs(TestNetwork& drawn) {
  const double largest = brute_force(drawn).values().back().detach().abs().max().item<double>();
  const auto& last = drawn.net.parameters().back();
  const at::NoGradGuard no_grad;
  for (const auto& parameter : drawn.net.parameters())
    if (parameter.uses.front().node == last.uses.front().node) Tensor(parameter.value).mul_(std::min(1.0, 2 / largest));
}

/// Every extension that draws is among the tests of this file.
TEST(DrawEquations, AreOfEveryQuantityThatDraws) {
  std::vector<std::string> found;
  for (const auto& plugin : registry().list("extension"))
    if (registry().schema("extension", plugin.manifest.name).find("mc_samples")) found.push_back(plugin.manifest.name);
  EXPECT_EQ(found, (std::vector<std::string>{"diag_ggn_mc", "diag_ggn_mc_batch", "kfac", "sqrt_ggn_mc"}));
}

/// Draws follow from seed, step, `mc_samples` and `stream`, and from nothing else that is in the pass.
TEST(DrawEquations, SameSeedSameDrawWhateverElseIsInThePass) {
  const std::vector<std::string> names = {"diag_ggn_mc", "diag_ggn_mc_batch", "kfac", "sqrt_ggn_mc"};
  const auto named = [](const std::string& key, const std::string& name, const RawOptions& options) {
    auto instance = make(name, options);
    instance.name = key;
    return instance;
  };
  std::map<std::string, int> drew_anew;  // one draw may repeat another by chance, all of them will not
  for_networks(4400, 4, {}, [&](TestNetwork& drawn) {
    std::vector<ExtensionInstance> crowd;
    for (const auto& plugin : registry().list("extension")) crowd.push_back(make(plugin.manifest.name));
    for (const auto& name : names) {
      crowd.push_back(named(name + "_other", name, {{"stream", raw("1")}}));
      crowd.push_back(named(name + "_more", name, {{"mc_samples", raw("3")}}));
    }
    const auto together = run(drawn, crowd, 7);
    auto reseeded = drawn;
    reseeded.seed += 1;
    for (const auto& name : names) {
      const auto alone = run(drawn, {make(name)}, 7), later = run(drawn, {make(name)}, 8), other = run(reseeded, {make(name)}, 7);
      bool later_differs = false, other_differs = false, stream_differs = false;
      for (const auto& parameter : drawn.net.parameters()) {
        const auto key = "/" + parameter.name;
        if (!alone.count(name + key)) continue;
        for (std::size_t i = 0; i < alone.at(name + key).size(); ++i)
          EXPECT_TRUE(alone.at(name + key)[i].equal(together.at(name + key)[i])) << name << key;
        const auto& value = alone.at(name + key)[0];
        later_differs = later_differs || !value.equal(later.at(name + key)[0]);
        other_differs = other_differs || !value.equal(other.at(name + key)[0]);
        stream_differs = stream_differs || !value.equal(together.at(name + "_other" + key)[0]);
      }
      drew_anew[name] += (later_differs ? 1 : 0) + (other_differs ? 1 : 0) + (stream_differs ? 1 : 0);
    }
    for (const auto& parameter : drawn.net.parameters()) {
      const auto key = "/" + parameter.name;
      const auto& root = together.at("sqrt_ggn_mc" + key)[0];
      EXPECT_TRUE(close(together.at("diag_ggn_mc_batch" + key)[0], root.square().sum(0))) << parameter.name;
      EXPECT_TRUE(close(together.at("diag_ggn_mc" + key)[0], root.square().sum(0).sum(0))) << parameter.name;
    }
  });
  for (const auto& name : names) EXPECT_GT(drew_anew[name], single_seed() ? 0 : 6) << name;
}

/// 40 passes of 100 draws: the mean within six of its standard errors, which the passes themselves give.
TEST(DrawEquations, TheMeanIsExact) {  // 21
  constexpr int64_t kPasses = 40;
  const RawOptions draws{{"mc_samples", raw("100")}};
  const std::map<std::string, std::string> exact = {
      {"diag_ggn_mc", "diag_ggn_exact"}, {"diag_ggn_mc_batch", "diag_ggn_exact_batch"}, {"kfac", "kflr"}};
  for_networks(4000, 5, {}, [&](TestNetwork& drawn) {
    tame_outputs(drawn);
    const auto wanted = run(drawn, std::vector<std::string>{"diag_ggn_exact", "diag_ggn_exact_batch", "kflr"});
    std::map<std::string, std::vector<TensorList>> found;
    for (int64_t step = 0; step < kPasses; ++step)
      for (auto& [key, value] : run(drawn, {make("diag_ggn_mc", draws), make("diag_ggn_mc_batch", draws), make("kfac", draws)}, step))
        found[key].push_back(value);
    for (const auto& [quantity, mean] : exact)
      for (const auto& parameter : drawn.net.parameters()) {
        const auto passes = found.find(quantity + "/" + parameter.name);
        if (passes == found.end()) continue;
        const auto& values = wanted.at(mean + "/" + parameter.name);
        for (std::size_t i = 0; i < values.size(); ++i) {
          TensorList all;
          for (const auto& pass : passes->second) all.push_back(pass[i]);
          EXPECT_TRUE(mean_within_six_errors(at::stack(all), values[i])) << quantity << " of " << parameter.name;
        }
      }
  });
}

/// E[sum_m S S^T] = G, and E S = 0: 6,000 columns that are one draw each.
TEST(DrawEquations, RootsHaveTheRightMoments) {  // 21
  constexpr int64_t kDraws = 6000;
  for_networks(4100, 4, {}, [&](TestNetwork& drawn) {
    tame_outputs(drawn);
    const auto values = run(drawn, {make("sqrt_ggn_mc", {{"mc_samples", raw(std::to_string(kDraws))}})});
    const auto brute = brute_force(drawn);
    for (const auto& parameter : drawn.net.parameters()) {
      const auto a = values.at("sqrt_ggn_mc/" + parameter.name)[0].flatten(2) * std::sqrt(1.0 * kDraws);  // [M, N, P]
      EXPECT_TRUE(mean_within_six_errors(a, at::zeros_like(a[0]))) << parameter.name;
      // The first rows of the Gram matrix are as good as all of them, and cheaper.
      const auto rows = std::min<int64_t>(a.size(2), 4);
      const auto gram = at::einsum("mni,mnj->mij", {a.narrow(2, 0, rows), a});
      EXPECT_TRUE(mean_within_six_errors(gram, brute.ggn(parameter.name).sum(0).narrow(0, 0, rows))) << parameter.name;
    }
  });
}

/// The variance of one draw of diag_ggn_mc: from enumerated labels, or 2 (diag of the sample)^2 for normal draws.
TEST(DrawEquations, OneDrawHasTheRightVariance) {  // 22
  constexpr int64_t kDraws = 6000;
  for (const auto loss : {NetworkClass::Loss::cross_entropy, NetworkClass::Loss::squared_error}) {
    NetworkClass kind;
    kind.positions = false;
    kind.loss = loss;
    for_networks(loss == NetworkClass::Loss::cross_entropy ? 4200 : 4300, 3, kind, [&](TestNetwork& drawn) {
      tame_outputs(drawn);
      const auto values = run(drawn, {make("sqrt_ggn_mc", {{"mc_samples", raw(std::to_string(kDraws))}}), make("sqrt_ggn_exact")});
      const auto p = at::softmax(brute_force(drawn).values().back().detach(), 1).t().unsqueeze(2);  // [C, N, 1]
      for (const auto& parameter : drawn.net.parameters()) {
        const auto exact = values.at("sqrt_ggn_exact/" + parameter.name)[0].flatten(2).square();  // p_y q_n(y), [V, N, P]
        const auto mean = exact.sum(0);
        const auto wanted = loss == NetworkClass::Loss::cross_entropy ? ((exact.square() / p).sum(0) - mean.square()).sum(0)
                                                                      : 2 * mean.square().sum(0);
        const auto draws = (values.at("sqrt_ggn_mc/" + parameter.name)[0].flatten(2).square() * static_cast<double>(kDraws)).sum(1);
        const auto centred = draws - draws.mean(0);
        const auto variance = centred.square().mean(0);
        const auto error = ((centred.pow(4).mean(0) - variance.square()).clamp_min(0) / static_cast<double>(kDraws)).sqrt();
        EXPECT_TRUE((variance - wanted).abs().le(6 * error + 1e-12 * (1 + wanted)).all().item<bool>()) << parameter.name;
      }
    });
  }
}

}  // namespace
}  // namespace backobs
