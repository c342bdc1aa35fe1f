// SPDX-License-Identifier: MIT
// Products with curvature blocks against blocks written out by autograd: the Gauss-Newton matrix, the Hessian, and the
// Hessian whose residuals are clipped or made absolute layer by layer. Also the vectors' sources and the held block.
#include "contract/small_networks.h"
#include "contract/walk_case.h"
#include "data/pt_file.h"
#include "tolerance.h"
#include "unit/temporary_folder.h"

#include <backobs/error.h>
#include <backobs/product.h>

namespace backobs {
namespace {

/// d y / d w of every entry of y, [numel(y), numel(w)].
Tensor jacobian(const Tensor& y, const Tensor& w) {
  TensorList rows;
  const auto flat = y.flatten();
  for (int64_t i = 0; i < flat.numel(); ++i) {
    const auto row = torch::autograd::grad({flat[i]}, {w}, {}, true, false, true)[0];
    rows.push_back(row.defined() ? row.flatten() : at::zeros({w.numel()}, w.options()));
  }
  return at::stack(rows).detach();
}

/// The Hessian of a scalar in the leaves, all flattened and joined.
Tensor hessian(const Tensor& scalar, const TensorList& leaves) {
  TensorList flat, rows;
  const auto gradients = torch::autograd::grad({scalar}, leaves, {}, true, true, true);
  for (std::size_t i = 0; i < leaves.size(); ++i)
    flat.push_back(gradients[i].defined() ? gradients[i].flatten() : at::zeros_like(leaves[i]).flatten());
  const auto joined = at::cat(flat);
  for (int64_t entry = 0; entry < joined.numel(); ++entry) {
    TensorList row;
    const auto parts = joined.requires_grad() ? torch::autograd::grad({joined[entry]}, leaves, {}, true, false, true)
                                              : std::vector<Tensor>(leaves.size());
    for (std::size_t i = 0; i < leaves.size(); ++i)
      row.push_back(parts[i].defined() ? parts[i].flatten() : at::zeros_like(leaves[i]).flatten());
    rows.push_back(at::cat(row));
  }
  return at::stack(rows).detach();
}

/// Every node's value for one sample under autograd, and d l / d value.
struct Traced {
  std::vector<Tensor> values;
  Tensor loss;
};

Traced trace(const Case& c, int64_t sample) {
  at::AutoGradMode grad(true);
  Traced traced{{c.batch.inputs[0].narrow(0, sample, 1)}, {}};
  for (NodeId id = 1; id <= c.net.last(); ++id) {
    TensorList inputs, saved;
    for (const auto input : c.net.nodes()[id].inputs) inputs.push_back(traced.values[input]);
    traced.values.push_back(c.net.nodes()[id].rule->forward(inputs, {}, saved));
  }
  auto one = c;
  one.batch.targets = {c.batch.targets[0].narrow(0, sample, 1)};
  traced.loss = contributions(one, traced.values.back()).sum();
  return traced;
}

enum class Curvature { ggn, hessian, clip, abs };

Tensor modified(const Tensor& matrix, Curvature curvature) {
  if (curvature == Curvature::hessian) return matrix;
  const auto [values, vectors] = at::linalg_eigh(matrix);
  const auto kept = curvature == Curvature::clip ? values.clamp_min(0) : values.abs();
  return vectors.matmul(at::diag(kept)).matmul(vectors.t());
}

/// The block of `w` by definition: J^T H J of the loss, and for each node its modified residual between the Jacobians of
/// its inputs, or, for the parameter's own node, in the parameter.
Tensor block(const Case& c, const Parameter& parameter, Curvature curvature) {
  const auto& w = parameter.value;
  auto sum = at::zeros({w.numel(), w.numel()}, at::kDouble);
  for (int64_t n = 0; n < c.batch.size; ++n) {
    const auto traced = trace(c, n);
    const auto j = jacobian(traced.values.back(), w);
    auto leaf = traced.values.back().detach().requires_grad_();
    auto one = c;
    one.batch.targets = {c.batch.targets[0].narrow(0, n, 1)};
    const at::AutoGradMode grad(true);
    sum += j.t().matmul(hessian(contributions(one, leaf).sum(), {leaf})).matmul(j);
    if (curvature == Curvature::ggn) continue;
    for (NodeId id = 1; id <= c.net.last(); ++id) {
      const auto g = torch::autograd::grad({traced.loss}, {traced.values[id]}, {}, true)[0].detach();
      TensorList leaves, jacobians, saved;
      for (const auto input : c.net.nodes()[id].inputs) {
        leaves.push_back(traced.values[input].detach().clone().requires_grad_());
        jacobians.push_back(traced.values[input].requires_grad() ? jacobian(traced.values[input], w)
                                                                 : at::zeros({leaves.back().numel(), w.numel()}, at::kDouble));
      }
      const auto output = (c.net.nodes()[id].rule->forward(leaves, {}, saved) * g).sum();
      const auto all = at::cat(jacobians);
      sum += all.t().matmul(modified(hessian(output, leaves), curvature)).matmul(all);
      if (parameter.uses.front().node == id) sum += modified(hessian(output, {w}), curvature);
    }
  }
  return sum;
}

/// Products with given vectors, under the names of the extensions, from a file.
Values products(const Case& c, const std::map<std::string, Tensor>& vectors, PassSettings settings = {}) {
  const testing::TemporaryFolder folder;
  const auto file = (folder.path() / "vectors.pt").string();
  write_pt(file, {vectors.begin(), vectors.end()});
  return run(c, {make_one("ggnmp", "ggnmp", {{"vectors", {file}}}), make_one("hmp", "hmp", {{"vectors", {file}}}),
                 make_one("clip", "pchmp", {{"vectors", {file}}, {"modify", {"clip"}}}),
                 make_one("abs", "pchmp", {{"vectors", {file}}, {"modify", {"abs"}}})}, std::move(settings));
}

std::map<std::string, Tensor> random_vectors(const Case& c, int64_t count) {
  at::manual_seed(11);
  std::map<std::string, Tensor> vectors;
  for (const auto& parameter : c.net.parameters()) {
    auto shape = parameter.value.sizes().vec();
    shape.insert(shape.begin(), count);
    vectors[parameter.name] = at::randn(shape, at::kDouble);
  }
  return vectors;
}

void expect_products_equal_brute_force(const Case& c) {
  const auto vectors = random_vectors(c, 2);
  const auto found = products(c, vectors);
  for (const auto& parameter : c.net.parameters())
    for (const auto& [key, curvature] : std::map<std::string, Curvature>{
             {"ggnmp", Curvature::ggn}, {"hmp", Curvature::hessian}, {"clip", Curvature::clip}, {"abs", Curvature::abs}}) {
      const auto& v = vectors.at(parameter.name);
      const auto wanted = v.flatten(1).matmul(block(c, parameter, curvature)).reshape(v.sizes());
      EXPECT_TRUE(tensors_near(found.at(key + "/" + parameter.name)[0], wanted, 1e-9, 1e-12)) << key << " " << parameter.name;
    }
}

TEST(Product, ChainEqualsBruteForce) { expect_products_equal_brute_force(make_case(chain(), false, LossReduction::mean, 2)); }
TEST(Product, SquaredErrorWithSum) { expect_products_equal_brute_force(make_case(chain(), true, LossReduction::sum, 2)); }
TEST(Product, BranchesEqualBruteForce) { expect_products_equal_brute_force(make_case(branches(), false, LossReduction::mean, 2)); }

/// One sample and the bias in front of a softmax: what the layer adds to the block is its own residual R, dense with
/// eigenvalues of both signs. Along an eigenvector products are with the eigenvalue, clipped at zero or absolute.
TEST(Product, PositiveCurvatureActsOnEigenvectorsOfTheResidual) {
  Network net({6});
  net.add("first", torch::nn::Linear(6, 4));
  net.add("softmax", torch::nn::Softmax(1));
  net.add("last", torch::nn::Linear(4, 3));
  const auto c = make_case(std::move(net), false, LossReduction::mean, 1);
  const auto traced = trace(c, 0);
  const auto g = torch::autograd::grad({traced.loss}, {traced.values[2]}, {}, true)[0].detach();
  const at::AutoGradMode grad(true);
  const auto x = traced.values[1].detach().clone().requires_grad_();
  const auto [eigenvalues, eigenvectors] = at::linalg_eigh(hessian((at::softmax(x, 1) * g).sum(), {x}));
  ASSERT_LT(eigenvalues.min().item<double>(), -1e-3);
  ASSERT_GT(eigenvalues.max().item<double>(), 1e-3);
  auto vectors = random_vectors(c, 4);
  vectors["first.bias"] = eigenvectors.t().contiguous();
  const auto found = products(c, vectors);
  const auto expect_factors = [&](const std::string& key, const Tensor& factors) {
    const auto residual = found.at(key + "/first.bias")[0] - found.at("ggnmp/first.bias")[0];
    EXPECT_TRUE(tensors_near(residual, factors.unsqueeze(1) * vectors.at("first.bias"), 1e-9, 1e-13)) << key;
  };
  expect_factors("hmp", eigenvalues);
  expect_factors("clip", eigenvalues.clamp_min(0));
  expect_factors("abs", eigenvalues.abs());
}

TEST(Product, PenaltyAddsItsShareOfTheVector) {
  const auto c = make_case(chain());
  const auto vectors = random_vectors(c, 3);
  PassSettings settings;
  settings.l2_reg = 0.3;
  settings.is_regularised = [](const std::string& name) { return name == "first.weight"; };
  const auto bare = products(c, vectors), penalised = products(c, vectors, settings);
  settings.penalty_in_quantities = false;
  const auto excluded = products(c, vectors, settings);
  for (const std::string key : {"ggnmp", "hmp", "clip", "abs"})
    for (const auto& parameter : c.net.parameters()) {
      const auto name = key + "/" + parameter.name;
      const double share = parameter.name == "first.weight" ? 0.3 : 0;
      EXPECT_TRUE(equal_up_to_rounding(penalised.at(name)[0], bare.at(name)[0] + share * vectors.at(parameter.name))) << name;
      EXPECT_TRUE(excluded.at(name)[0].equal(bare.at(name)[0])) << name;
    }
}

TEST(Product, OneVectorIsAStackOfOne) {
  const auto c = make_case(chain());
  auto vectors = random_vectors(c, 1);
  const auto stacked = products(c, vectors);
  for (auto& [name, v] : vectors) v = v.squeeze(0);
  for (const auto& [key, values] : products(c, vectors))
    for (std::size_t i = 0; i < values.size(); ++i) EXPECT_TRUE(values[i].equal(stacked.at(key)[i])) << key;
}

/// The gradient as vector, penalty included, for every tiling.
TEST(Product, GradientVectorsAreTheGradient) {
  const auto c = make_case(branches());
  PassSettings settings;
  settings.l2_reg = 0.2;
  settings.is_regularised = [](const std::string&) { return true; };
  std::map<std::string, Tensor> gradients;
  for (const auto& [key, values] : run(c, {}, settings))
    if (key.rfind("grad/", 0) == 0) gradients[key.substr(5)] = values[0];
  const auto wanted = products(c, gradients, settings);
  for (const int64_t samples : {0, 1, 2}) {
    settings.tiling.samples = samples;
    const auto found = run(c, {make_one("hmp", "hmp", {{"vectors", {"gradient"}}})}, settings);
    for (const auto& [name, gradient] : gradients) {
      EXPECT_EQ(found.at("hmp/" + name)[0].size(0), 1);
      EXPECT_TRUE(equal_up_to_rounding(found.at("hmp/" + name)[0], wanted.at("hmp/" + name)[0])) << name;
      EXPECT_TRUE(equal_up_to_rounding(found.at("grad/" + name)[0], gradient)) << name;
    }
  }
}

TEST(Product, RademacherFollowsSeedAndStep) {
  const ParameterInfo parameter{"dense.weight", {200, 3}, "dense", "Linear", ParamForm::weight, false, 0};
  const auto vectors = [&](const char* seed, int64_t step) {
    const Schema schema = ProductVectors::schema();
    const auto options = schema.check({{"count", {{"4"}, false, false, ""}}, {"seed", {{seed}, false, false, ""}}}, "x", "x");
    return ProductVectors(options).of(parameter, {8, 0, step, Random(1)});
  };
  const auto v = vectors("3", 0);
  EXPECT_EQ(v.sizes(), at::IntArrayRef({4, 200, 3}));
  EXPECT_TRUE(v.abs().eq(1).all().item<bool>());
  EXPECT_LT(std::abs(v.mean().item<double>()), 0.15);
  EXPECT_TRUE(v.equal(vectors("3", 0)));
  EXPECT_FALSE(v.equal(vectors("4", 0)));
  EXPECT_FALSE(v.equal(vectors("3", 1)));
}

TEST(Product, BadFilesAreNamed) {
  const auto c = make_case(chain());
  const testing::TemporaryFolder folder;
  const auto message = [&](const std::string& file) -> std::string {
    try {
      run(c, {make_one("ggnmp", "ggnmp", {{"vectors", {file}}})});
    } catch (const Error& error) {
      return error.what();
    }
    return "nothing thrown";
  };
  EXPECT_NE(message("absent.pt").find("absent.pt"), std::string::npos);
  const auto garbage = folder.write("garbage.pt", {1, 2, 3, 4}).string();
  EXPECT_NE(message(garbage).find("a dictionary of tensors"), std::string::npos) << message(garbage);
  const auto lacking = (folder.path() / "lacking.pt").string();
  write_pt(lacking, {{"first.weigth", at::ones({5, 6})}});
  EXPECT_NE(message(lacking).find("did you mean"), std::string::npos) << message(lacking);
  auto wrong = random_vectors(c, 2);
  wrong["last.bias"] = at::ones({2, 4}, at::kDouble);
  const auto misshapen = (folder.path() / "misshapen.pt").string();
  write_pt(misshapen, {wrong.begin(), wrong.end()});
  EXPECT_NE(message(misshapen).find("last.bias"), std::string::npos) << message(misshapen);
}

/// Keeps the blocks of a pass.
struct BlockKeeper final : Extension {
  std::map<std::string, std::shared_ptr<CurvatureBlock>> ggn, residuals;
  std::vector<Need> needs() const override {
    return {{Need::What::block, SignalKey::sqrt_ggn_exact()}, {Need::What::block, SignalKey::hessian_residuals()}};
  }
  void visit(const ParameterVisit& p, Results&) override {
    ggn[p.info().name] = p.block(SignalKey::sqrt_ggn_exact());
    residuals[p.info().name] = p.block(SignalKey::hessian_residuals());
  }
};

TEST(Product, HeldBlockMultipliesAfterThePass) {
  const auto c = make_case(chain());
  const auto vectors = random_vectors(c, 2);
  const auto wanted = products(c, vectors);
  for (const int64_t samples : {0, 2}) {
    const auto keeper = std::make_shared<BlockKeeper>();
    PassSettings settings;
    settings.tiling.samples = samples;
    Pass pass(c.net, c.loss, settings);
    const PassInfo info{c.batch.size, 0, 0, Random(5)};
    pass.run(c.batch, info, true, {{"keeper", keeper}});
    for (const auto& [name, v] : vectors) {
      const auto& g = *keeper->ggn.at(name);
      const auto& r = *keeper->residuals.at(name);
      EXPECT_TRUE(equal_up_to_rounding(g.multiply(v), wanted.at("ggnmp/" + name)[0])) << name;
      EXPECT_TRUE(equal_up_to_rounding(g.multiply(v[1]), wanted.at("ggnmp/" + name)[0][1])) << name;
      EXPECT_TRUE(equal_up_to_rounding(g.multiply(v) + r.multiply(v), wanted.at("hmp/" + name)[0])) << name;
      EXPECT_TRUE(equal_up_to_rounding(g.multiply(v) + r.multiply(v, Signs::positive), wanted.at("clip/" + name)[0])) << name;
      EXPECT_TRUE(equal_up_to_rounding(g.multiply(v) + r.multiply(v, Signs::absolute), wanted.at("abs/" + name)[0])) << name;
      EXPECT_THROW(g.multiply(at::ones({7, 7}, at::kDouble)), ComputeError);
    }
    const auto old = keeper->ggn.at("last.bias"), released = keeper->residuals.at("first.bias");
    released->release();
    EXPECT_THROW(released->multiply(vectors.at("first.bias")), ComputeError);
    pass.run(c.batch, info, true);
    EXPECT_THROW(old->multiply(vectors.at("last.bias")), ComputeError);
  }
}

/// One weight used before and after a curved layer, and once more beside it; one that enters non-linearly, twice.
Network shared_parameters() {
  Network net({6});
  const torch::nn::Linear shared(6, 6);
  const auto power = std::make_shared<PowerImpl>();
  const auto a = net.add("a", shared);
  net.add("tanh", torch::nn::Tanh());
  const auto b = net.add("b", shared);
  net.add("sum", std::make_shared<AddImpl>(), {a, b});
  net.add("narrow", torch::nn::Linear(6, 4));
  net.add("power1", power);
  net.add("sigmoid", torch::nn::Sigmoid());
  net.add("power2", power);
  net.add("last", torch::nn::Linear(4, 3));
  return net;
}

/// The whole Hessian block, with the terms between the uses, for every tiling.
TEST(Product, HessianOfSharedParameters) {
  const auto c = make_case(shared_parameters(), false, LossReduction::mean, 3);
  const auto vectors = random_vectors(c, 2);
  for (const auto& [samples, columns] : std::vector<std::pair<int64_t, int64_t>>{{0, 0}, {2, 3}, {1, 1}}) {
    PassSettings settings;
    settings.tiling.samples = samples;
    settings.tiling.columns = columns;
    const auto found = products(c, vectors, settings);
    const auto diagonals = run(c, make({"diag_h", "diag_h_batch", "diag_ggn_exact"}), settings);
    for (const auto& parameter : c.net.parameters()) {
      const at::AutoGradMode grad(true);
      const auto wanted = hessian(contributions(c, with_graph(c)).sum(), {parameter.value});
      const auto& v = vectors.at(parameter.name);
      EXPECT_TRUE(tensors_near(found.at("hmp/" + parameter.name)[0], v.flatten(1).matmul(wanted).reshape(v.sizes()), 1e-9, 1e-12))
          << parameter.name;
      EXPECT_TRUE(tensors_near(diagonals.at("diag_h/" + parameter.name)[0].flatten(), wanted.diagonal(), 1e-9, 1e-12))
          << parameter.name;
      EXPECT_TRUE(tensors_near(diagonals.at("diag_h_batch/" + parameter.name)[0].sum(0).flatten(), wanted.diagonal(), 1e-9, 1e-12))
          << parameter.name;
      if (parameter.uses.size() == 1) continue;
      const auto g = block(c, parameter, Curvature::ggn);
      EXPECT_TRUE(tensors_near(found.at("ggnmp/" + parameter.name)[0], v.flatten(1).matmul(g).reshape(v.sizes()), 1e-9, 1e-12))
          << parameter.name;
    }
  }
}

TEST(Product, PositivePartOfASharedParameterIsRefused) {
  Network net({6});
  const torch::nn::Linear shared(6, 6);
  net.add("a", shared);
  net.add("tanh", torch::nn::Tanh());
  net.add("b", shared);
  net.add("last", torch::nn::Linear(6, 3));
  const auto c = make_case(std::move(net));
  const auto refusals = Pass(c.net, c.loss, {}).refusals(make({"pchmp", "ggnmp", "hmp"}));
  ASSERT_EQ(refusals.size(), 2u);
  for (const auto& refusal : refusals) {
    EXPECT_EQ(refusal.quantity, "pchmp");
    EXPECT_EQ(refusal.parameter.substr(0, 2), "a.");
    EXPECT_NE(refusal.reason.find("several uses"), std::string::npos);
  }
}

TEST(Subsampling, RowsAreThoseOfTheWhole) {
  const auto c = make_case(chain());
  const std::map<std::string, std::vector<std::string>> some{{"subsampling", {"3", "0", "3"}}};
  const auto rows = at::tensor(std::vector<int64_t>{3, 0, 3});
  const auto whole = run(c, make({"grad_batch", "sqrt_ggn_exact", "sqrt_ggn_mc"}));
  const auto part = run(c, {make_one("grad_batch", "grad_batch", some), make_one("sqrt_ggn_exact", "sqrt_ggn_exact", some),
                            make_one("sqrt_ggn_mc", "sqrt_ggn_mc", some)});
  for (const auto& parameter : c.net.parameters())
    for (const auto& [key, axis] : std::map<std::string, int64_t>{{"grad_batch", 0}, {"sqrt_ggn_exact", 1}, {"sqrt_ggn_mc", 1}}) {
      const auto name = key + "/" + parameter.name;
      EXPECT_TRUE(part.at(name)[0].equal(whole.at(name)[0].index_select(axis, rows))) << name;
    }
}

TEST(Subsampling, OutOfRangeIsNamed) {
  const auto c = make_case(chain());
  try {
    run(c, {make_one("grad_batch", "grad_batch", {{"subsampling", {"5"}}})});
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_NE(std::string(error.what()).find("position 5"), std::string::npos) << error.what();
  }
  EXPECT_THROW(make_one("grad_batch", "grad_batch", {{"subsampling", {"-1"}}}), ConfigError);
}

TEST(Subsampling, TwoInstancesOfOneKindLiveTogether) {
  const auto c = make_case(chain());
  const auto found = run(c, {make_one("first", "grad_batch", {{"subsampling", {"0"}}}), make_one("grad_batch", "grad_batch"),
                             make_one("mc3", "diag_ggn_mc", {{"mc_samples", {"3"}}}), make_one("diag_ggn_mc", "diag_ggn_mc")});
  EXPECT_TRUE(found.at("first/last.bias")[0].equal(found.at("grad_batch/last.bias")[0].narrow(0, 0, 1)));
  EXPECT_FALSE(found.at("mc3/last.bias")[0].equal(found.at("diag_ggn_mc/last.bias")[0]));
}

}  // namespace
}  // namespace backobs
