// SPDX-License-Identifier: MIT
// The testable equations of the quantities on every registered problem: synthetic data, N = 2 and 3, float64. What one
// pass gives is held against itself, against the other loss reduction, and against autograd at random coordinates. The
// VGGs take images of 32 x 32. What is too slow for a problem's size is left out, printed and counted; with
// BACKOBS_TEST_EVERY_EQUATION only what does not fit into memory, or takes hours, is.
// BACKOBS_SEED=N repeats a run; a failure prints it.
#include "contract/walk_case.h"
#include "data/pt_file.h"
#include "unit/temporary_folder.h"

#include <backobs/problem.h>

#include <cmath>
#include <cstdlib>
#include <iostream>

namespace backobs {
namespace {

/// How much a problem costs in float64; those that are not named here are small. A residual network has ten columns and
/// many parameters, a deep one a hundred columns, a huge one many millions of parameters or a column per pixel.
enum Size { small, convolutional, residual, deep, huge, beyond };
const std::map<std::string, Size> kSizes = {
    {"mnist_2c2d", convolutional}, {"fmnist_2c2d", convolutional}, {"cifar10_3c3d", convolutional},
    {"svhn_3c3d", convolutional},  {"cifar100_3c3d", convolutional}, {"svhn_wrn164", residual},
    {"cifar100_allcnnc", deep},    {"cifar100_wrn164", deep},      {"cifar100_wrn404", huge},
    {"mnist_vae", huge},           {"fmnist_vae", huge},           {"cifar10_vgg16", huge},
    {"cifar10_vgg19", huge},       {"cifar100_vgg16", huge},       {"cifar100_vgg19", huge}};

uint64_t seed() {
  const char* given = std::getenv("BACKOBS_SEED");
  return given ? std::strtoull(given, nullptr, 10) : 0;
}

Size size_of(const std::string& problem) {
  const auto found = kSizes.find(problem);
  return found == kSizes.end() ? small : found->second;
}

/// From which size on an equation is too slow, also where time does not matter. (kfra needs a matrix of the widest layer's
/// features.)
struct TooSlow {
  Size usually, always;
};
const std::map<std::string, TooSlow> kTooSlowFrom = {{"21", {convolutional, residual}},
                                                     {"23 of kfra", {convolutional, convolutional}},
                                                     {"7, 11, 13", {residual, beyond}},
                                                     {"10, 16", {huge, beyond}},
                                                     {"23", {deep, huge}}};

bool has_time() { return std::getenv("BACKOBS_TEST_EVERY_EQUATION") != nullptr; }

bool is_left_out(const std::string& equation, const std::string& problem) {
  const TooSlow& from = kTooSlowFrom.at(equation);
  return size_of(problem) >= (has_time() ? from.always : from.usually);
}

std::vector<std::string> problem_names() {
  std::vector<std::string> names;
  for (const auto& plugin : registry().list("problem")) names.push_back(plugin.manifest.name);
  return names;
}

/// A loss without its reduction factor: the same rule, told that it divides by one.
class Summed final : public LossRule {
 public:
  explicit Summed(std::shared_ptr<const LossRule> mean) : LossRule(LossReduction::sum), mean_(std::move(mean)) {}
  std::string type() const override { return mean_->type(); }
  double divisor(const LossIO&) const override { return 1; }
  Tensor contributions(LossIO& io) const override { return mean_->contributions(io); }
  Tensor individual(const LossIO&, const Tensor& contributions) const override { return contributions; }
  TensorList gradient(const LossIO& io) const override { return mean_->gradient(io); }
  int64_t columns(const LossIO& io) const override { return mean_->columns(io); }
  TensorList sqrt_hessian(const LossIO& io, int64_t first, int64_t count) const override {
    return mean_->sqrt_hessian(io, first, count);
  }
  TensorList sampled_sqrt_hessian(const LossIO& io, int64_t draws, at::Generator generator) const override {
    return mean_->sampled_sqrt_hessian(io, draws, generator);
  }
  Tensor summed_hessian(const LossIO& io, std::size_t output) const override { return mean_->summed_hessian(io, output); }

 private:
  std::shared_ptr<const LossRule> mean_;
};

class ProblemEquations : public ::testing::TestWithParam<std::string> {
 protected:
  ProblemEquations()
      : problem_(make_problem()) {
    DataRequest request;
    request.source = Source::synthetic;
    request.dtype = at::kDouble;
    data_ = problem_->data(request);
  }

  static std::shared_ptr<Problem> make_problem() {
    const auto schema = registry().schema("problem", GetParam());
    std::map<std::string, RawValue> options;
    if (schema.find("size")) options["size"] = {{"32"}, false, false, "test"};
    return registry().make_problem(GetParam(), schema.check(options, GetParam(), "test"));
  }

  /// Parameters and running statistics as they were, so that every pass starts from the same.
  void start_anew() {
    network_ = problem_->network(Random(seed()));
    network_.to(at::kDouble, at::kCPU);
  }

  Batch batch(int64_t n) const {
    auto indices = data_->order(Phase::train, Random(seed()));
    indices.resize(static_cast<std::size_t>(n));
    return data_->batch(Phase::train, indices, Random(seed()));
  }

  Values pass(const std::vector<ExtensionInstance>& extensions, int64_t n, std::shared_ptr<const LossRule> loss = nullptr) {
    start_anew();
    Pass engine(network_, loss ? loss : problem_->loss(), {});
    Values values;
    frozen_ = engine.run(batch(n), {n, 0, 0, Random(seed())}, true, extensions,
                       [&](auto& quantity, auto& parameter, const ResultValue& value) {
                         values[quantity + "/" + parameter] = value.tensors;
                       }).evaluation_statistics;
    for (const auto& parameter : network_.parameters())  // what the identities hold against: of the walk that served them
      if (parameter.trainable())
        values["grad/" + parameter.name] = frozen_ ? values.at("grad_eval/" + parameter.name)
                                                   : TensorList{parameter.value.grad().clone()};
    return values;
  }

  /// sum_{v,n} of the squares of sqrt_ggn_exact, in blocks of its columns, by parameter: of a large layer all of them
  /// together would not fit.
  std::map<std::string, Tensor> squares_of_roots(int64_t n) {
    start_anew();
    auto roots = make({"sqrt_ggn_exact"});
    roots[0].blocks = blocks_of(*roots[0].extension);
    std::map<std::string, Tensor> sums;
    Pass(network_, problem_->loss(), {}).run(batch(n), {n, 0, 0, Random(seed())}, true, roots,
                                             [&](auto& quantity, auto& parameter, const ResultValue& value) {
      if (quantity != "sqrt_ggn_exact") return;
      const auto squares = value.tensors.front().square().sum(at::IntArrayRef{0, 1});
      auto& sum = sums[parameter];
      sum = sum.defined() ? sum.add_(squares) : squares;
    });
    return sums;
  }

  template <typename Check>
  void for_each_parameter(const Values& values, const std::vector<std::string>& quantities, Check check) const {
    for (const auto& parameter : network_.parameters()) {
      if (!parameter.trainable()) continue;
      TensorList found;
      for (const auto& quantity : quantities) {
        const auto value = values.find(quantity + "/" + parameter.name);
        ASSERT_TRUE(value != values.end()) << quantity << "/" << parameter.name;
        found.push_back(value->second.front());
      }
      SCOPED_TRACE(parameter.name);
      check(found);
    }
  }

  /// The network under autograd as the extensions' walk saw it: masks and noise of the pass, frozen statistics if it had them.
  TensorList outputs_with_graph(const Batch& held) const {
    const at::AutoGradMode grad(true);
    ForwardContext context{true, frozen_, Random(seed()), {}};
    std::vector<Tensor> values(held.inputs);
    for (NodeId id = static_cast<NodeId>(values.size()); id <= network_.last(); ++id) {
      TensorList inputs, saved;
      for (const auto input : network_.nodes()[id].inputs) inputs.push_back(values[input]);
      context.node = network_.nodes()[id].name;
      values.push_back(network_.nodes()[id].rule->forward(inputs, context, saved));
    }
    TensorList outputs;
    for (const auto output : network_.outputs()) outputs.push_back(values[output]);
    return outputs;
  }

  Tensor loss_of(const TensorList& outputs, const Batch& held) const {
    LossIO io{outputs, held.targets, held.size, 1, {}};
    io.divisor = problem_->loss()->divisor(io);
    return problem_->loss()->contributions(io).sum();
  }

  static bool left_out(const std::string& equation) { return is_left_out(equation, GetParam()); }

  ::testing::ScopedTrace trace_{__FILE__, __LINE__, "BACKOBS_SEED=" + std::to_string(seed())};
  std::shared_ptr<Problem> problem_;
  Network network_{std::vector<int64_t>{1}};
  std::shared_ptr<const DataSource> data_;
  bool frozen_ = false;
};

/// J v for a perturbation v of one parameter: with g(u) = J^T u it is d <g(u), v> / du. One [N, *out] per output.
struct Jacobian {
  TensorList outputs, u;
  Tensor pulled;
  Jacobian(const TensorList& values, const Tensor& w) : outputs(values) {
    for (const auto& output : outputs) u.push_back(at::zeros_like(output.detach()).requires_grad_());
    pulled = torch::autograd::grad(outputs, {w}, u, true, true, true)[0];
  }
  TensorList times(const Tensor& v) const {
    TensorList result = pulled.defined() ? torch::autograd::grad({(pulled * v).sum()}, u, {}, true, false, true) : TensorList(u.size());
    for (std::size_t i = 0; i < u.size(); ++i)
      if (!result[i].defined()) result[i] = at::zeros_like(outputs[i].detach());
    return result;
  }
};

/// H p for p = J v, H the Hessian of the loss in the outputs.
TensorList loss_hessian_times(const TensorList& leaves, const TensorList& slopes, const TensorList& p) {
  auto sum = at::zeros({}, at::kDouble);
  for (std::size_t i = 0; i < p.size(); ++i) sum = sum + (slopes[i] * p[i]).sum();
  auto result = torch::autograd::grad({sum}, leaves, {}, true, false, true);
  for (std::size_t i = 0; i < p.size(); ++i)
    if (!result[i].defined()) result[i] = at::zeros_like(p[i]);
  return result;
}

/// Equations 1 and 3 to 6: between the values of one pass.
TEST_P(ProblemEquations, HoldInsideAPass) {
  for (const int64_t n : {2, 3}) {
    const auto values = pass(make({"grad_batch", "sum_grad_squared", "batch_l2", "variance"}), n);
    for_each_parameter(values, {"grad_batch", "grad", "sum_grad_squared", "batch_l2", "variance"}, [&](const TensorList& v) {
      EXPECT_TRUE(tensors_near(v[0].sum(0), v[1], 1e-10, 1e-14)) << "1";
      EXPECT_TRUE(tensors_near(v[2], v[0].square().sum(0), 1e-10, 1e-20)) << "3";
      EXPECT_TRUE(tensors_near(v[3], v[0].flatten(1).square().sum(1), 1e-10, 1e-20)) << "4";
      EXPECT_TRUE(tensors_near(v[4], (v[0] - v[0].mean(0)).square().mean(0), 1e-9, 1e-18)) << "5";
    });
  }
  for_each_parameter(pass(make({"variance"}), 1), {"variance"}, [](const TensorList& v) {
    EXPECT_EQ(v[0].abs().max().item<double>(), 0) << "6";
  });
}

/// Equation 8: a diagonal is the sum of the samples' own. One quantity after the other, so that large networks fit.
TEST_P(ProblemEquations, DiagonalsOfSamplesAddUp) {
  for (const std::string quantity : {"diag_ggn_exact", "diag_ggn_mc"})
    for (const int64_t n : {2, 3})
      for_each_parameter(pass(make({quantity, quantity + "_batch"}), n), {quantity, quantity + "_batch"}, [&](const TensorList& v) {
        EXPECT_TRUE(tensors_near(v[1].sum(0), v[0], 1e-10, 1e-16)) << quantity;
      });
}

TEST_P(ProblemEquations, RootsAndFactorsAgreeWithDiagonals) {
  if (left_out("10, 16")) GTEST_SKIP() << "equations 10, 16 are too slow here";
  auto values = pass(make({"diag_ggn_exact", "kflr"}), 2);
  for (auto& [parameter, sum] : squares_of_roots(2)) values["squares/" + parameter] = {sum};
  for_each_parameter(values, {"squares", "diag_ggn_exact"}, [](const TensorList& v) {
    EXPECT_TRUE(tensors_near(v[0], v[1], 1e-10, 1e-16)) << "10";
  });
  for (const auto& [key, factors] : values) {  // of scales of normalisation there is one factor, which is the whole block
    const auto bias = values.find(key.substr(0, key.rfind('.')) + ".bias");
    if (key.rfind("kflr/", 0) != 0 || factors.size() != 2 || bias == values.end()) continue;
    EXPECT_TRUE(equal_up_to_rounding(factors[0], bias->second[0])) << "16, " << key;
  }
}

/// Equation 2: the gradients of the contributions themselves.
TEST_P(ProblemEquations, IndividualGradientsAreThoseOfTheContributions) {
  const auto values = pass(make({"grad_batch"}), 3);
  const auto whole = batch(3);
  const auto outputs = outputs_with_graph(whole);
  const at::AutoGradMode grad(true);
  LossIO io{outputs, whole.targets, 3, 1, {}};
  io.divisor = problem_->loss()->divisor(io);
  const auto l = problem_->loss()->contributions(io);
  std::vector<std::string> names;
  TensorList leaves;
  for (const auto& parameter : network_.parameters()) {
    if (!parameter.trainable()) continue;
    names.push_back(parameter.name);
    leaves.push_back(parameter.value);
  }
  for (int64_t n = 0; n < 3; ++n) {
    const auto gradients = torch::autograd::grad({l[n]}, leaves, {}, true, false, true);
    for (std::size_t p = 0; p < leaves.size(); ++p)
      EXPECT_TRUE(tensors_near(values.at("grad_batch/" + names[p])[0][n], or_zeros(gradients[p], leaves[p]), 1e-9, 1e-14))
          << names[p] << " of " << n;
  }
}

/// Equation 23: what a mean divides by enters each quantity with its own exponent.
TEST_P(ProblemEquations, SumAndMeanDifferByThePowersOfTheDivisor) {
  if (left_out("23")) GTEST_SKIP() << "equations 23 are too slow here";
  const std::map<std::string, double> exponents = {
      {"grad_batch", 1},   {"diag_ggn_exact", 1}, {"diag_ggn_mc", 1},    {"diag_ggn_exact_batch", 1}, {"diag_ggn_mc_batch", 1},
      {"diag_h", 1},       {"diag_h_batch", 1},   {"ggnmp", 1},          {"hmp", 1},                  {"pchmp", 1},
      {"variance", 2},     {"batch_l2", 2},       {"sum_grad_squared", 2}, {"sqrt_ggn_exact", 0.5},   {"sqrt_ggn_mc", 0.5},
      {"kfac", 1},         {"kflr", 1},           {"kfra", 1},           {"grad", 1},                 {"grad_eval", 1}};
  std::vector<std::string> names;
  const bool without_kfra = left_out("23 of kfra");
  for (const auto& [name, exponent] : exponents)
    if ((name.rfind("grad", 0) != 0 || name == "grad_batch") && !(without_kfra && name == "kfra")) names.push_back(name);
  const auto mean = pass(make(names), 2), sum = pass(make(names), 2, std::make_shared<Summed>(problem_->loss()));
  const auto whole = batch(2);
  const double c = problem_->loss()->divisor({outputs_with_graph(whole), whole.targets, 2, 1, {}});
  ASSERT_EQ(mean.size(), sum.size());
  for (const auto& [key, values] : mean)
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double e = i == 1 ? 0 : exponents.at(key.substr(0, key.find('/')));  // the input factor does not carry it
      EXPECT_TRUE(tensors_near(sum.at(key)[i], values[i] * std::pow(c, e), 1e-9, 1e-14)) << key << " part " << i;
    }
}

/// Equations 7 and 11 at random coordinates of every tensor, 13 on two random probes.
TEST_P(ProblemEquations, CurvatureIsThatOfAutograd) {
  if (left_out("7, 11, 13")) GTEST_SKIP() << "equations 7, 11, 13 are too slow here";
  constexpr int64_t kCoordinates = 20, kProbes = 2;
  at::manual_seed(seed());
  const testing::TemporaryFolder folder;
  const auto file = (folder.path() / "probes.pt").string();
  std::map<std::string, Tensor> probes;
  start_anew();
  for (const auto& parameter : network_.parameters()) {
    auto shape = parameter.value.sizes().vec();
    shape.insert(shape.begin(), kProbes);
    probes[parameter.name] = at::randn(shape, at::kDouble);
  }
  write_pt(file, {probes.begin(), probes.end()});
  const auto values = pass({make_one("diag_ggn_exact", "diag_ggn_exact"), make_one("diag_h", "diag_h"),
                            make_one("ggnmp", "ggnmp", {{"vectors", {file}}}), make_one("hmp", "hmp", {{"vectors", {file}}})}, 2);
  const at::AutoGradMode grad(true);
  const auto whole = batch(2);
  const auto outputs = outputs_with_graph(whole);
  const auto loss = loss_of(outputs, whole);
  TensorList leaves;
  for (const auto& output : outputs) leaves.push_back(output.detach().requires_grad_());
  const auto slopes = torch::autograd::grad({loss_of(leaves, whole)}, leaves, {}, true, true);
  for (const auto& parameter : network_.parameters()) {
    if (!parameter.trainable()) continue;
    const auto& w = parameter.value;
    const auto get = [&](const std::string& quantity) { return values.at(quantity + "/" + parameter.name)[0]; };
    const Jacobian jacobian(outputs, w);
    const auto first = torch::autograd::grad({loss}, {w}, {}, true, true, true)[0];
    const auto hessian_times = [&](const Tensor& v) {
      if (!first.defined() || !first.requires_grad()) return at::zeros_like(w.detach());
      return or_zeros(torch::autograd::grad({(first * v).sum()}, {w}, {}, true, false, true)[0], w);
    };
    const auto coordinates = at::randint(w.numel(), {kCoordinates}, at::kLong);
    auto ggn = at::zeros({kCoordinates}, at::kDouble), hessian = at::zeros({kCoordinates}, at::kDouble);
    for (int64_t k = 0; k < kCoordinates; ++k) {
      const auto i = coordinates[k].item<int64_t>();
      auto unit = at::zeros(w.sizes(), at::kDouble);
      unit.view(-1)[i] = 1;
      const auto p = jacobian.times(unit), hp = loss_hessian_times(leaves, slopes, p);
      for (std::size_t o = 0; o < p.size(); ++o) ggn[k] += (p[o] * hp[o]).sum();
      hessian[k] = hessian_times(unit).flatten()[i];
    }
    const double scale = get("diag_ggn_exact").abs().max().item<double>();
    EXPECT_TRUE(tensors_near(get("diag_ggn_exact").flatten().index_select(0, coordinates), ggn, 1e-9, 1e-10 * scale + 1e-15))
        << "7, " << parameter.name;
    EXPECT_TRUE(tensors_near(get("diag_h").flatten().index_select(0, coordinates), hessian, 1e-9, 1e-10 * scale + 1e-15))
        << "11, " << parameter.name;
    for (int64_t k = 0; k < kProbes; ++k) {
      const auto v = probes.at(parameter.name)[k];
      const auto hp = loss_hessian_times(leaves, slopes, jacobian.times(v));
      const auto g = or_zeros(torch::autograd::grad(outputs, {w}, hp, true, false, true)[0], w);
      EXPECT_TRUE(tensors_near(get("ggnmp")[k], g, 1e-9, 1e-14)) << "13, ggnmp " << parameter.name;
      EXPECT_TRUE(tensors_near(get("hmp")[k], hessian_times(v), 1e-9, 1e-13)) << "13, hmp " << parameter.name;
    }
  }
}

/// Equation 21: means over draws, within six standard errors estimated from the passes' own spread.
TEST_P(ProblemEquations, MeansOverDrawsAreExact) {
  if (left_out("21")) GTEST_SKIP() << "equations 21 are too slow here";
  constexpr int64_t kPasses = 16, kDraws = 250;
  const std::vector<std::pair<std::string, std::string>> pairs = {
      {"diag_ggn_mc", "diag_ggn_exact"}, {"diag_ggn_mc_batch", "diag_ggn_exact_batch"}, {"kfac", "kflr"}};
  const auto exact = pass(make({"diag_ggn_exact", "diag_ggn_exact_batch", "kflr"}), 2);
  std::map<std::string, std::pair<Tensor, Tensor>> moments;
  for (int64_t stream = 0; stream < kPasses; ++stream) {
    std::vector<ExtensionInstance> drawn;
    for (const auto& [mc, unused] : pairs)
      drawn.push_back(make_one(mc, mc, {{"mc_samples", {std::to_string(kDraws)}}, {"stream", {std::to_string(stream)}}}));
    for (const auto& [key, values] : pass(drawn, 2)) {
      auto& [sum, squares] = moments[key];
      sum = sum.defined() ? sum.add_(values[0]) : values[0].clone();
      squares = squares.defined() ? squares.add_(values[0].square()) : values[0].square();
    }
  }
  for (const auto& [mc, reference] : pairs)
    for (const auto& [key, values] : exact) {
      if (key.rfind(reference + "/", 0) != 0) continue;
      const auto& [sum, squares] = moments.at(mc + key.substr(reference.size()));
      const auto mean = sum / kPasses;
      const auto deviation = ((squares / kPasses - mean.square()).clamp_min(0) / (kPasses - 1)).sqrt();
      // The spread is an estimate and its tail is heavy where draws are rarely hit: twice six of it, and a floor.
      const auto limit = 12 * deviation + 1e-3 * values[0].abs().max();
      EXPECT_TRUE((mean - values[0]).abs().le(limit).all().item<bool>()) << mc << key.substr(reference.size());
    }
}

INSTANTIATE_TEST_SUITE_P(Registry, ProblemEquations, ::testing::ValuesIn(problem_names()),
                         [](const auto& test) { return test.param; });

/// What is left out: no more, and none unnoticed.
TEST(EquationsLeftOut, AreCounted) {
  std::size_t count = 0;
  for (const auto& problem : problem_names())
    for (const auto& [equation, from] : kTooSlowFrom)
      if (is_left_out(equation, problem)) {
        std::cout << problem << ": " << equation << "\n";
        ++count;
      }
  // Of 5 convolutional networks, one residual, 2 deep and 7 huge ones.
  EXPECT_EQ(count, has_time() ? 5u + 2 + 2 * 2 + 7 * 4 : 5u * 2 + 3 + 2 * 4 + 7 * 5);
}

}  // namespace
}  // namespace backobs
