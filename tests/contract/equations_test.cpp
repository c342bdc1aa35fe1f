// SPDX-License-Identifier: MIT
// The equations between quantities, and between each of them and brute force, on drawn networks: first order, diagonals,
// penalty, square roots, products, scales. Numbers are those of docs/quantities.md, "Equations under test".
#include "contract/random_network.h"

namespace backobs {
namespace {

using Activations = NetworkClass::Activations;

TEST(Equations, FirstOrderAndDiagonals) {  // 2, 3, 4, 5, 7, 11
  for_networks(1000, 16, {}, [](TestNetwork& drawn) { expect_brute_force(drawn); });
}

TEST(Equations, FirstOrderAmongThemselves) {  // 1, 3, 4, 5
  for_networks(1100, 8, {}, [](TestNetwork& drawn) {
    const auto values = run(drawn, std::vector<std::string>{"grad_batch", "sum_grad_squared", "batch_l2", "variance"});
    const auto n = static_cast<double>(drawn.batch.size);
    for (const auto& parameter : drawn.net.parameters()) {
      SCOPED_TRACE(parameter.name);
      const auto get = [&](const std::string& quantity) { return values.at(quantity + "/" + parameter.name)[0]; };
      EXPECT_TRUE(close(get("grad_batch").sum(0), get("grad")));
      EXPECT_TRUE(close(get("sum_grad_squared"), get("grad_batch").square().sum(0)));
      EXPECT_TRUE(close(get("batch_l2"), get("grad_batch").flatten(1).square().sum(1)));
      // A difference of nearly equal numbers: its rounding is that of the larger one.
      const double rounding = 1e-14 * get("sum_grad_squared").max().item<double>();
      EXPECT_TRUE(tensors_near(get("variance"), get("sum_grad_squared") / n - (get("grad") / n).square(), 1e-10, rounding));
    }
  });
}

TEST(Equations, OneSampleHasNoVariance) {  // 6
  NetworkClass kind;
  kind.samples = 1;
  for_networks(1200, 6, kind, [](TestNetwork& drawn) {
    const auto values = run(drawn, std::vector<std::string>{"variance"});
    for (const auto& parameter : drawn.net.parameters()) {
      const auto& variance = values.at("variance/" + parameter.name)[0];
      const double rounding = 1e-15 * values.at("grad/" + parameter.name)[0].square().max().item<double>();
      EXPECT_TRUE(tensors_near(variance, at::zeros_like(variance), 0, rounding)) << parameter.name;
    }
  });
}

/// Brute force has (c/2N) |w|^2 in every l_n, so the penalty's formulas are not repeated here.
TEST(Equations, PenaltyInEveryQuantity) {
  for_networks(1300, 8, {}, [](TestNetwork& drawn) {
    for (const auto& parameter : drawn.net.parameters())
      if (parameter.value.dim() > 1) drawn.penalties[parameter.name] = 0.3;
    expect_brute_force(drawn);
    const auto values = run(drawn, std::vector<std::string>{"diag_ggn_exact_batch", "diag_h_batch"});
    const auto brute = brute_force(drawn);
    for (const auto& parameter : drawn.net.parameters()) {
      SCOPED_TRACE(parameter.name);
      const auto get = [&](const std::string& quantity) { return values.at(quantity + "/" + parameter.name)[0].flatten(1); };
      EXPECT_TRUE(close(get("diag_ggn_exact_batch"), diagonals(brute.ggn(parameter.name))));
      EXPECT_TRUE(close(get("diag_h_batch"), diagonals(brute.hessians(parameter.name))));
    }
  });
}

TEST(Equations, PiecewiseLinearNetworks) {  // 12
  NetworkClass kind;
  kind.activations = Activations::piecewise_linear;
  for_networks(2000, 8, kind, [](TestNetwork& drawn) {
    const auto values = run(drawn, std::vector<std::string>{"diag_ggn_exact", "diag_h", "ggnmp", "hmp", "pchmp"});
    for (const auto& parameter : drawn.net.parameters()) {
      const auto get = [&](const std::string& quantity) { return values.at(quantity + "/" + parameter.name)[0]; };
      EXPECT_TRUE(close(get("diag_h"), get("diag_ggn_exact"))) << parameter.name;
      EXPECT_TRUE(close(get("hmp"), get("ggnmp"))) << parameter.name;
      EXPECT_TRUE(close(get("pchmp"), get("ggnmp"))) << parameter.name;
    }
  });
}

TEST(Equations, DiagonalsOfEachSample) {  // 8, 11
  for_networks(2100, 8, {}, [](TestNetwork& drawn) {
    const auto values = run(drawn, std::vector<std::string>{"diag_ggn_exact", "diag_ggn_exact_batch", "diag_h", "diag_h_batch"});
    const auto brute = brute_force(drawn);
    for (const auto& parameter : drawn.net.parameters()) {
      SCOPED_TRACE(parameter.name);
      const auto get = [&](const std::string& quantity) { return values.at(quantity + "/" + parameter.name)[0]; };
      EXPECT_TRUE(close(get("diag_ggn_exact_batch").sum(0), get("diag_ggn_exact")));
      EXPECT_TRUE(close(get("diag_h_batch").sum(0), get("diag_h")));
      EXPECT_TRUE(close(get("diag_ggn_exact_batch").flatten(1), diagonals(brute.ggn(parameter.name))));
      EXPECT_TRUE(close(get("diag_h_batch").flatten(1), diagonals(brute.hessians(parameter.name))));
    }
  });
}

TEST(Equations, RootsGiveTheFullGaussNewtonMatrix) {  // 9, 10
  for_networks(2200, 8, {}, [](TestNetwork& drawn) {
    const auto values = run(drawn, std::vector<std::string>{"sqrt_ggn_exact", "diag_ggn_exact"});
    const auto brute = brute_force(drawn);
    TensorList roots, jacobians;
    for (const auto& parameter : drawn.net.parameters()) {
      const auto& root = values.at("sqrt_ggn_exact/" + parameter.name)[0];
      EXPECT_TRUE(close(root.square().sum(c10::IntArrayRef{0, 1}), values.at("diag_ggn_exact/" + parameter.name)[0])) << parameter.name;
      roots.push_back(root.flatten(2));
      jacobians.push_back(brute.jacobians(parameter.name));
    }
    const auto a = at::cat(roots, 2), j = at::cat(jacobians, 2);
    EXPECT_TRUE(close(at::einsum("vni,vnj->nij", {a, a}), j.transpose(1, 2).matmul(brute.loss_hessian()).matmul(j)));
  });
}

/// Multiplies the whole identity, so that what comes back is the block; keeps the blocks as operators too.
class Blocks final : public Extension {
 public:
  std::vector<Need> needs() const override {
    return {{Need::What::product, SignalKey::sqrt_ggn_exact(), "identity"},
            {Need::What::product, SignalKey::hessian_residuals(), "identity"},
            {Need::What::block, SignalKey::sqrt_ggn_exact()}};
  }
  Tensor vectors(const ParameterInfo& info, const std::string&) override { return identity(info.shape); }
  void visit(const ParameterVisit& p, Results& results) override {
    const auto ggn = p.product(SignalKey::sqrt_ggn_exact(), "identity");
    const auto block = p.block(SignalKey::sqrt_ggn_exact());
    results.put(p, TensorList{ggn, ggn + p.product(SignalKey::hessian_residuals(), "identity"), block->multiply(ggn), block->multiply(ggn[0])});
  }

 private:
  static Tensor identity(std::vector<int64_t> shape) {
    const auto size = at::zeros(shape).numel();
    shape.insert(shape.begin(), size);
    return at::eye(size, at::kDouble).reshape(shape);
  }
};

TEST(Equations, ProductsWithBlocks) {  // 13, 14
  const RawOptions three{{"count", raw("3")}, {"seed", raw("4")}};
  for_networks(2300, 8, {}, [&](TestNetwork& drawn) {
    ProductVectors vectors(registry().schema("extension", "ggnmp").check(three, "ggnmp", "test"));
    const auto values = run(drawn, {make("ggnmp", three), make("hmp", three), make("diag_ggn_exact"), make("diag_h"),
                                    {"blocks", std::make_shared<Blocks>()}});
    const auto brute = brute_force(drawn);
    for (const auto& parameter : drawn.net.parameters()) {
      SCOPED_TRACE(parameter.name);
      const auto get = [&](const std::string& quantity, std::size_t i = 0) { return values.at(quantity + "/" + parameter.name)[i]; };
      const auto ggn = brute.ggn(parameter.name).sum(0), hessian = brute.hessians(parameter.name).sum(0);
      ParameterInfo info;
      info.name = parameter.name;
      info.shape = parameter.value.sizes().vec();
      const auto v = vectors.of(info, {drawn.batch.size, 0, 0, Random(drawn.seed)}).to(at::kDouble).flatten(1);
      EXPECT_TRUE(close(get("ggnmp").flatten(1), v.mm(ggn)));
      EXPECT_TRUE(close(get("hmp").flatten(1), v.mm(hessian)));
      EXPECT_TRUE(close(get("blocks", 0).flatten(1), ggn));
      EXPECT_TRUE(close(get("blocks", 1).flatten(1), hessian));
      EXPECT_TRUE(close(get("blocks", 2).flatten(1), ggn.mm(ggn)));
      EXPECT_TRUE(close(get("blocks", 3), get("blocks", 2)[0]));  // a vector alone and in a stack
      EXPECT_TRUE(close(diagonals(get("blocks", 0).flatten(1)), get("diag_ggn_exact").flatten()));
      EXPECT_TRUE(close(diagonals(get("blocks", 1).flatten(1)), get("diag_h").flatten()));
    }
  });
}

TEST(Equations, SubsamplingTakesRowsOfTheWhole) {  // 24
  NetworkClass kind;
  kind.samples = 4;
  const RawOptions some{{"subsampling", {{"2", "0", "2"}, true, false, "test"}}};
  const std::map<std::string, int64_t> axes = {{"grad_batch", 0}, {"sqrt_ggn_exact", 1}, {"sqrt_ggn_mc", 1}};
  for_networks(5100, 4, kind, [&](TestNetwork& drawn) {
    for (const auto& [name, axis] : axes) {
      const auto whole = run(drawn, {make(name)}), part = run(drawn, {make(name, some)});
      for (const auto& parameter : drawn.net.parameters()) {
        const auto key = name + "/" + parameter.name;
        EXPECT_TRUE(part.at(key)[0].equal(whole.at(key)[0].index_select(axis, at::tensor({2, 0, 2}, at::kLong)))) << key;
      }
    }
  });
}

/// quantity(sum) = quantity(mean) c^e, c the divisor of the mean. Draws do not depend on the reduction.
TEST(Equations, SumAndMeanDifferByPowersOfTheDivisor) {  // 23
  const std::map<std::string, double> exponents = {
      {"grad", 1},           {"grad_batch", 1},           {"sum_grad_squared", 2},  {"variance", 2},       {"batch_l2", 2},
      {"diag_ggn_exact", 1}, {"diag_ggn_exact_batch", 1}, {"diag_ggn_mc", 1},       {"diag_h", 1},         {"diag_h_batch", 1},
      {"ggnmp", 1},          {"hmp", 1},                  {"diag_ggn_mc_batch", 1}, {"sqrt_ggn_mc", 0.5}, {"sqrt_ggn_exact", 0.5},
      {"kfac", 1},           {"kflr", 1},                 {"kfra", 1}};
  for_networks(5000, 8, {}, [&](TestNetwork& drawn) {
    std::vector<ExtensionInstance> extensions;
    for (const auto& [name, exponent] : exponents)
      if (name != "grad") extensions.push_back(make(name));
    drawn.reduction = LossReduction::sum;
    const auto sum = run(drawn, extensions);
    drawn.reduction = LossReduction::mean;
    const auto mean = run(drawn, extensions);
    ASSERT_EQ(sum.size(), mean.size());
    const LossIO io{{brute_force(drawn).values().back().detach()}, drawn.batch.targets, drawn.batch.size, 1, {}};
    const double c = drawn.loss()->divisor(io);
    for (const auto& [key, values] : mean)
      for (std::size_t i = 0; i < values.size(); ++i) {
        const double e = i == 1 ? 0 : exponents.at(key.substr(0, key.find('/')));  // the second Kronecker factor has none
        EXPECT_TRUE(close(values[i] * std::pow(c, e), sum.at(key)[i])) << key << " part " << i;
      }
  });
}

}  // namespace
}  // namespace backobs
