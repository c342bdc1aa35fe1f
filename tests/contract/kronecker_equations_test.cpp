// SPDX-License-Identifier: MIT
// The equations of the Kronecker factors, on drawn networks against brute force. Numbers are those of docs/quantities.md,
// "Equations under test".
#include "contract/random_network.h"

namespace backobs {
namespace {

using Activations = NetworkClass::Activations;

NetworkClass only_linear_layers(int64_t samples = 0) {
  NetworkClass kind;
  kind.images = kind.positions = kind.branches = false;
  kind.samples = samples;
  return kind;
}

/// A[o,o'] B[i,i'] at row (o,i), column (o',i').
Tensor kron(const TensorList& factors) { return at::kron(factors[0].contiguous(), factors[1].contiguous()); }

/// The blocks [G, C, C] of a factor on the diagonal of [G C, G C]; a factor without groups as it is.
Tensor written_out(const Tensor& factor) {
  if (factor.dim() == 2) return factor;
  TensorList blocks = factor.unbind();
  return at::block_diag(blocks);
}
/// Zero outside the diagonal blocks that the factor has.
Tensor within_groups(const Tensor& block, const Tensor& factor) {
  return factor.dim() == 2 ? block : block * written_out(at::ones_like(factor));
}

TEST(KroneckerEquations, FirstFactorOfABiasIsItsBlock) {  // 15, 16
  int64_t compared = 0;
  for_networks(3000, 16, {}, [&](TestNetwork& drawn) {
    const auto values = run(drawn, std::vector<std::string>{"kflr", "kfac"});
    const auto brute = brute_force(drawn);
    for (const auto& parameter : drawn.net.parameters()) {
      const auto found = values.find("kflr/" + parameter.name);
      if (found == values.end()) continue;
      if (found->second.size() == 2) {
        EXPECT_TRUE(found->second[1].equal(values.at("kfac/" + parameter.name)[1])) << parameter.name;
      }
      if (parameter.value.dim() > 1) continue;
      const auto& factor = found->second[0];
      const auto block = brute.ggn(parameter.name).sum(0);
      EXPECT_TRUE(close(written_out(factor), within_groups(block, factor))) << parameter.name;
      const auto stem = parameter.name.substr(0, parameter.name.rfind('.'));
      EXPECT_TRUE(close(values.at("kflr/" + stem + ".weight")[0], factor)) << parameter.name;
      ++compared;
    }
  });
  if (!single_seed()) {
    EXPECT_GE(compared, 20);
  }
}

TEST(KroneckerEquations, OneSampleMakesThemExact) {  // 17
  for_networks(3200, 6, only_linear_layers(1), [](TestNetwork& drawn) {
    const auto values = run(drawn, std::vector<std::string>{"kflr", "kfra"});
    const auto brute = brute_force(drawn);
    for (const auto& parameter : drawn.net.parameters()) {
      if (parameter.value.dim() < 2) continue;
      const auto block = brute.ggn(parameter.name).sum(0);
      EXPECT_TRUE(close(kron(values.at("kflr/" + parameter.name)), block)) << parameter.name;
      EXPECT_TRUE(close(kron(values.at("kfra/" + parameter.name)), block)) << parameter.name;
    }
  });
}

TEST(KroneckerEquations, OneSampleAndOnePositionOfAConvolution) {  // 18
  TestNetwork tested;
  tested.seed = 3300;
  tested.net = Network({2, 3, 4});
  tested.add("conv", nn::Conv2d(nn::Conv2dOptions(2, 3, {3, 4})));
  tested.add("tanh", nn::Tanh());
  tested.add("flatten", nn::Flatten());
  tested.add("linear", nn::Linear(3, 2));
  fill_parameters(tested);
  tested.batch = {{at::randn({1, 2, 3, 4}, Random(1).generator(Draw::probe), at::kDouble)}, {at::ones({1}, at::kLong)}, at::arange(1), 1};
  tested.make_loss = [](LossReduction reduction) { return cross_entropy(reduction); };
  const auto values = run(tested, std::vector<std::string>{"kflr", "kfra"});
  const auto block = brute_force(tested).ggn("conv.weight").sum(0);
  EXPECT_TRUE(close(kron(values.at("kflr/conv.weight")), block));
  EXPECT_TRUE(close(kron(values.at("kfra/conv.weight")), block));
}

TEST(KroneckerEquations, AveragedCurvatureOfLastLayersAndLinearNetworks) {  // 19
  const auto expect_equal = [](const Values& values, const std::string& parameter) {
    const auto &kfra = values.at("kfra/" + parameter), &kflr = values.at("kflr/" + parameter);
    ASSERT_EQ(kfra.size(), kflr.size());
    for (std::size_t i = 0; i < kfra.size(); ++i) EXPECT_TRUE(close(kfra[i], kflr[i])) << parameter << " part " << i;
  };
  auto kind = only_linear_layers();
  for_networks(3400, 4, kind, [&](TestNetwork& drawn) {
    expect_equal(run(drawn, std::vector<std::string>{"kflr", "kfra"}), drawn.net.parameters().back().name);
  });
  kind.activations = Activations::none;
  for_networks(3500, 4, kind, [&](TestNetwork& drawn) {
    const auto values = run(drawn, std::vector<std::string>{"kflr", "kfra"});
    for (const auto& parameter : drawn.net.parameters()) expect_equal(values, parameter.name);
  });
}

/// J of sample n of one module, by autograd: [D_out, *leaf].
Tensor jacobian(const Tensor& output, int64_t n, const Tensor& leaf) {
  TensorList rows;
  for (const auto& entry : output[n].reshape({-1}).unbind()) rows.push_back(torch::autograd::grad({entry}, {leaf}, {}, true)[0]);
  return at::stack(rows);
}

/// M <- (1/N) sum_n J_n^T M J_n from sum_n H_n; the factor of a layer is what M becomes in its bias.
TEST(KroneckerEquations, AveragedCurvatureFollowsItsRecursion) {  // 20
  NetworkClass kind;
  kind.branches = false;
  int64_t compared = 0;
  for_networks(3600, 10, kind, [&](TestNetwork& drawn) {
    const auto values = run(drawn, std::vector<std::string>{"kfra"});
    const auto brute = brute_force(drawn);
    const at::AutoGradMode grad(true);
    auto mat = brute.loss_hessian().sum(0);
    for (auto node = drawn.net.last(); node > 0; --node) {
      const auto& name = drawn.net.nodes()[node].name;
      const auto x = brute.values()[node - 1].detach().requires_grad_();
      const auto y = drawn.own.at(name)({x});
      if (const auto found = values.find("kfra/" + name + ".bias"); found != values.end()) {
        const auto j = jacobian(y, 0, drawn.net.parameter(name + ".bias").value);
        const auto& factor = found->second[0];
        EXPECT_TRUE(close(written_out(factor), within_groups(j.t().mm(mat).mm(j), factor))) << name;
        ++compared;
      }
      auto below = at::zeros({x[0].numel(), x[0].numel()}, at::kDouble);
      for (int64_t n = 0; n < x.size(0); ++n) {
        const auto j = jacobian(y, n, x).select(1, n).flatten(1);
        below += j.t().mm(mat).mm(j);
      }
      mat = below / static_cast<double>(x.size(0));
    }
  });
  if (!single_seed()) {
    EXPECT_GE(compared, 12);
  }
}

}  // namespace
}  // namespace backobs
