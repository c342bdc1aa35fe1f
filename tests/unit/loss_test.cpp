// SPDX-License-Identifier: MIT
// Every loss rule against LibTorch's own loss functions and the Hessian that autograd makes of them.
#include "tolerance.h"

#include <backobs/error.h>
#include <backobs/loss.h>
#include <backobs/random.h>

#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <functional>

namespace backobs {
namespace {

using Reference = std::function<Tensor(const TensorList& outputs)>;  // the reduced loss

Tensor normal(std::vector<int64_t> shape, uint64_t stream = 0) {
  return at::randn(shape, Random(11).generator(Draw::probe, stream), at::kDouble);
}

Tensor labels(std::vector<int64_t> shape, int64_t classes, uint64_t stream = 1) {
  return at::randint(classes, shape, Random(11).generator(Draw::probe, stream), at::kLong);
}

LossIO evaluated(const LossRule& loss, TensorList outputs, TensorList targets) {
  const auto samples = outputs[0].size(0);
  LossIO io{std::move(outputs), std::move(targets), samples, 1, {}};
  io.divisor = loss.divisor(io);
  loss.contributions(io);
  return io;
}

/// [V, n, *out_i] of all outputs as [V, n, D].
Tensor joined(const TensorList& columns) {
  TensorList flat;
  for (const auto& part : columns) flat.push_back(part.reshape({part.size(0), part.size(1), -1}));
  return at::cat(flat, 2);
}

/// sum_v S S^T per sample, [n, D, D].
Tensor gram(const Tensor& columns) { return at::einsum("vni,vnj->nij", {columns, columns}); }

struct Derivatives {
  double loss;
  Tensor gradient;  ///< [n, D]
  Tensor hessian;   ///< [n, D, D]
};

/// Everything of the reduced loss by autograd; entries between samples must vanish.
Derivatives by_autograd(const TensorList& outputs, const Reference& reference) {
  const at::AutoGradMode grad(true);
  TensorList leaves, flat;
  for (const auto& output : outputs) leaves.push_back(output.clone().requires_grad_());
  const auto n = outputs[0].size(0);
  const auto loss = reference(leaves);
  for (const auto& gradient : torch::autograd::grad({loss}, leaves, {}, true, true)) flat.push_back(gradient.reshape({n, -1}));
  const auto gradient = at::cat(flat, 1);
  const auto size = gradient.size(1);
  const auto hessian = at::zeros({n, size, size}, at::kDouble);
  for (int64_t sample = 0; sample < n; ++sample)
    for (int64_t i = 0; i < size; ++i) {
      const auto rows = torch::autograd::grad({gradient[sample][i]}, leaves, {}, true, false, true);
      TensorList row;
      for (std::size_t k = 0; k < rows.size(); ++k)
        row.push_back((rows[k].defined() ? rows[k] : at::zeros_like(outputs[k])).reshape({n, -1}));
      auto all = at::cat(row, 1);
      hessian[sample][i].copy_(all[sample]);
      all[sample].zero_();
      EXPECT_EQ(at::count_nonzero(all).item<int64_t>(), 0) << "samples are coupled";
    }
  return {loss.item<double>(), gradient.detach(), hessian};
}

/// Loss, gradient, both ways of writing the exact root, the summed Hessian, a block of samples, single precision.
void expect_derivatives(const LossRule& loss, const TensorList& outputs, const TensorList& targets, const Reference& reference) {
  const auto wanted = by_autograd(outputs, reference);
  auto io = evaluated(loss, outputs, targets);
  const auto contributions = loss.contributions(io);
  EXPECT_NEAR(contributions.sum().item<double>(), wanted.loss, 1e-12 * (1 + std::abs(wanted.loss)));
  const auto individual = loss.individual(io, contributions);
  EXPECT_NEAR((loss.reduction() == LossReduction::mean ? individual.mean() : individual.sum()).item<double>(), wanted.loss,
              1e-12 * (1 + std::abs(wanted.loss)));
  TensorList gradient = loss.gradient(io);
  for (auto& part : gradient) part = part.unsqueeze(0);
  EXPECT_TRUE(equal_up_to_rounding(joined(gradient)[0], wanted.gradient));

  const auto columns = loss.columns(io);
  const auto root = joined(loss.sqrt_hessian(io, 0, columns));
  ASSERT_EQ(root.size(0), columns);
  EXPECT_TRUE(tensors_near(gram(root), wanted.hessian, 1e-10, 1e-13));
  for (int64_t first = 0; first < columns; first += 2) {
    const auto count = std::min<int64_t>(2, columns - first);
    EXPECT_TRUE(joined(loss.sqrt_hessian(io, first, count)).equal(root.narrow(0, first, count))) << "columns from " << first;
  }
  int64_t first = 0;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const auto size = outputs[i][0].numel();
    const auto block = wanted.hessian.sum(0).narrow(0, first, size).narrow(1, first, size);
    EXPECT_TRUE(tensors_near(loss.summed_hessian(io, i), block, 1e-10, 1e-13));
    EXPECT_TRUE(tensors_near(loss.LossRule::summed_hessian(io, i), block, 1e-10, 1e-13));
    first += size;
  }
  const auto part = io.narrow(1, 2);
  EXPECT_TRUE(joined(loss.sqrt_hessian(part, 0, columns)).equal(root.narrow(1, 1, 2)));

  TensorList narrow_outputs, narrow_targets;
  for (const auto& output : outputs) narrow_outputs.push_back(output.to(at::kFloat));
  for (const auto& target : targets) narrow_targets.push_back(target.is_floating_point() ? target.to(at::kFloat) : target);
  const auto single = evaluated(loss, narrow_outputs, narrow_targets);
  const auto single_root = joined(loss.sqrt_hessian(single, 0, columns));
  ASSERT_EQ(single_root.scalar_type(), at::kFloat);
  EXPECT_TRUE(tensors_near(gram(single_root), wanted.hessian, 1e-5, 1e-7));
}

/// E[S S^T] = H_n: 8,000 draws in two calls, each entry within six standard errors, which the draws themselves give.
void expect_unbiased_draws(const LossRule& loss, const TensorList& outputs, const TensorList& targets, const Tensor& hessian) {
  const auto io = evaluated(loss, outputs, targets);
  constexpr int64_t kDraws = 4000;
  TensorList products;
  for (const uint64_t stream : {0, 1}) {
    const auto s = joined(loss.sampled_sqrt_hessian(io, kDraws, Random(4).generator(Draw::monte_carlo, stream)));
    EXPECT_EQ(s.size(0), kDraws);
    products.push_back(at::einsum("mni,mnj->mnij", {s, s}) * static_cast<double>(kDraws));
  }
  const auto all = at::cat(products);
  const auto limit = all.std(0) * (6 / std::sqrt(2.0 * kDraws)) + 1e-12 * (1 + hessian.abs());
  EXPECT_TRUE((all.mean(0) - hessian).abs().le(limit).all().item<bool>());
}

void expect_loss(const LossRule& loss, const TensorList& outputs, const TensorList& targets, const Reference& reference) {
  expect_derivatives(loss, outputs, targets, reference);
  expect_unbiased_draws(loss, outputs, targets, by_autograd(outputs, reference).hessian);
}

constexpr LossReduction kBoth[] = {LossReduction::mean, LossReduction::sum};
int64_t torch_reduction(LossReduction reduction) { return reduction == LossReduction::mean ? at::Reduction::Mean : at::Reduction::Sum; }

/// One set of options against at::cross_entropy_loss, for both reductions.
void expect_cross_entropy(CrossEntropyOptions options, const Tensor& logits, const Tensor& target) {
  for (const auto reduction : kBoth) {
    options.reduction = reduction;
    const auto weight = options.weight.empty() ? Tensor() : at::tensor(options.weight, at::kDouble);
    SCOPED_TRACE(reduction == LossReduction::mean ? "mean" : "sum");
    expect_loss(*cross_entropy(options), {logits}, {target}, [&](const TensorList& outputs) {
      return at::cross_entropy_loss(outputs[0], target, weight, torch_reduction(reduction), options.ignore_index,
                                    options.label_smoothing);
    });
  }
}

CrossEntropyOptions ce(std::vector<double> weight = {}, double smoothing = 0, int64_t ignored = -100) {
  CrossEntropyOptions options;
  options.weight = std::move(weight);
  options.label_smoothing = smoothing;
  options.ignore_index = ignored;
  return options;
}

TEST(CrossEntropy, Labels) { expect_cross_entropy(ce(), normal({4, 3}), labels({4}, 3)); }
TEST(CrossEntropy, ClassWeights) { expect_cross_entropy(ce({0.5, 2, 0}), normal({4, 3}), labels({4}, 3)); }
TEST(CrossEntropy, LabelSmoothing) { expect_cross_entropy(ce({}, 0.3), normal({4, 3}), labels({4}, 3)); }
TEST(CrossEntropy, WeightedSmoothing) { expect_cross_entropy(ce({0.5, 2, 1.5}, 0.3), normal({4, 3}), labels({4}, 3)); }

TEST(CrossEntropy, IgnoredTargets) {
  const auto target = at::tensor({1, -100, 0, 2}, at::kLong);
  expect_cross_entropy(ce(), normal({4, 3}), target);
  expect_cross_entropy(ce({0.5, 2, 1}, 0.2), normal({4, 3}), target);
  expect_cross_entropy(ce({0.5, 2, 1}, 0, 2), normal({4, 3}), at::tensor({1, 2, 0, 2}, at::kLong));
}

TEST(CrossEntropy, ProbabilityTargets) {
  const auto target = normal({4, 3}, 5).abs();  // rows do not sum to 1
  expect_cross_entropy(ce(), normal({4, 3}), target);
  expect_cross_entropy(ce({0.5, 2, 1}, 0.2), normal({4, 3}), target);
}

TEST(CrossEntropy, ExtraAxes) {
  const auto target = labels({3, 2, 2}, 3);
  expect_cross_entropy(ce(), normal({3, 3, 2, 2}), target);
  target[0][1][0] = -100;
  expect_cross_entropy(ce({0.5, 2, 1}, 0.2), normal({3, 3, 2, 2}), target);
  expect_cross_entropy(ce({0.5, 2, 1}), normal({3, 3, 2}), normal({3, 3, 2}, 5).abs());
}

TEST(CrossEntropy, NonContiguousLogits) { expect_cross_entropy(ce(), normal({3, 4}).t(), labels({4}, 3)); }

TEST(CrossEntropy, MaskedClass) {
  auto logits = normal({2, 3});
  logits[0][2] = -INFINITY;
  const auto io = evaluated(*cross_entropy(), {logits}, {at::tensor({0, 1}, at::kLong)});
  for (const auto& saved : io.saved) EXPECT_TRUE(saved.isfinite().all().item<bool>());
  auto again = io;
  EXPECT_TRUE(cross_entropy()->contributions(again).isfinite().all().item<bool>());
}

TEST(CrossEntropy, AccuracyLeavesIgnoredTargetsOut) {
  const auto hits = [](const Tensor& logits, const Tensor& target) {
    const auto loss = cross_entropy();
    return loss->hits(evaluated(*loss, {logits}, {target})).mean().item<double>();
  };
  const auto logits = at::eye(4, at::kDouble);
  EXPECT_DOUBLE_EQ(hits(logits, at::tensor({0, 1, 1, 1}, at::kLong)), 0.5);
  EXPECT_DOUBLE_EQ(hits(logits, at::tensor({0, 1, 1, -100}, at::kLong)), 2.0 / 3);
  EXPECT_DOUBLE_EQ(hits(logits.unsqueeze(2).repeat({1, 1, 2}), at::tensor({0, 1, 1, 1, 2, 0, -100, 3}, at::kLong).view({4, 2})), 5.0 / 7);
  EXPECT_DOUBLE_EQ(hits(logits, at::eye(4, at::kDouble)), 1);
}

template <typename Function>
std::string message_of(Function function) {
  try {
    function();
  } catch (const ComputeError& error) {
    return error.what();
  }
  return "no ComputeError";
}

TEST(CrossEntropy, SaysWhatIsWrong) {
  const auto run = [](CrossEntropyOptions options, const Tensor& target, int64_t batch_size = 2) {
    return message_of([&] {
      const auto loss = cross_entropy(options);
      LossIO io{{normal({2, 3})}, {target}, batch_size, 1, {}};
      io.divisor = loss->divisor(io);
      loss->contributions(io);
    });
  };
  const auto contains = [](const std::string& message, const std::string& part) { return message.find(part) != std::string::npos; };
  const auto ignored = at::tensor({-100, -100}, at::kLong), one = at::tensor({0, -100}, at::kLong);
  EXPECT_TRUE(contains(run(ce(), ignored), "every one is ignored"));
  EXPECT_TRUE(contains(run(ce({0, 1, 1}), one), "every one is ignored or of weight 0"));
  EXPECT_TRUE(contains(run(ce(), one, 4), "2 of 4 samples"));
  EXPECT_TRUE(contains(run(ce(), at::tensor({0, 3}, at::kLong)), "label 3"));
  EXPECT_TRUE(contains(run(ce({1, 2}), one), "2 class weights"));
  EXPECT_TRUE(contains(run(ce({1, -2, 1}), one), "negative class weight"));
  EXPECT_TRUE(contains(run(ce({}, 1.5), one), "label_smoothing"));
  EXPECT_TRUE(contains(run(ce(), at::full({2, 3}, -1.0, at::kDouble)), "negative sum"));
  EXPECT_TRUE(contains(run(ce(), at::zeros({2}, at::kDouble)), "[2, 3]"));
}

TEST(MeanSquaredError, AnyShape) {
  for (const auto reduction : kBoth)
    for (const auto& shape : std::vector<std::vector<int64_t>>{{4}, {4, 3}, {3, 2, 2}}) {
      const auto target = normal(shape, 7);
      expect_loss(*mean_squared_error(reduction), {normal(shape)}, {target},
                  [&](const TensorList& outputs) { return at::mse_loss(outputs[0], target, torch_reduction(reduction)); });
    }
}

TEST(MeanSquaredError, RefusesToBroadcast) {
  const auto loss = mean_squared_error();
  EXPECT_THROW(evaluated(*loss, {normal({4, 1})}, {normal({4})}), ComputeError);
}

TEST(BinaryCrossEntropy, WeightsAndSoftTargets) {
  for (const auto reduction : kBoth)
    for (const auto& shape : std::vector<std::vector<int64_t>>{{4}, {4, 1}, {4, 3}, {3, 2, 2}}) {
      const auto entries = at::zeros(shape).numel() / shape[0];
      auto target = normal(shape, 7).sigmoid();
      target.view(-1).narrow(0, 0, 2).copy_(at::tensor({0.0, 1.0}, at::kDouble));
      BinaryCrossEntropyOptions options;
      options.reduction = reduction;
      for (const bool weighted : {false, true}) {
        Tensor weight, positive;
        if (weighted) {
          options.weight = {0.7};
          for (int64_t i = 0; i < entries; ++i) options.pos_weight.push_back(0.5 + static_cast<double>(i));
          weight = at::tensor(options.weight, at::kDouble);
          positive = at::tensor(options.pos_weight, at::kDouble).view(at::IntArrayRef(shape).slice(1));
        }
        expect_loss(*binary_cross_entropy(options), {2 * normal(shape)}, {target}, [&](const TensorList& outputs) {
          return at::binary_cross_entropy_with_logits(outputs[0], target, weight, positive, torch_reduction(reduction));
        });
      }
    }
}

TEST(BinaryCrossEntropy, FarLogitsKeepTheirCurvature) {
  const auto io = evaluated(*binary_cross_entropy(), {at::tensor({40.0, -40.0}).view({2, 1})}, {at::ones({2, 1})});
  const auto h = binary_cross_entropy()->sqrt_hessian(io, 0, 1)[0].square().flatten();
  EXPECT_TRUE(tensors_near(h, at::full({2}, std::exp(-40.0) / 2, at::kDouble), 1e-5, 0));
}

TEST(BinaryCrossEntropy, AccuracyAndErrors) {
  const auto loss = binary_cross_entropy();
  const auto f = at::tensor({1.0, -1.0, 2.0, 3.0}, at::kDouble).view({2, 2});
  const auto y = at::tensor({1.0, 1.0, 0.9, 0.8}, at::kDouble).view({2, 2});
  EXPECT_DOUBLE_EQ(loss->hits(evaluated(*loss, {f}, {y})).mean().item<double>(), 0.75);
  EXPECT_NE(message_of([&] { evaluated(*loss, {f}, {2 * y}); }).find("outside [0, 1]"), std::string::npos);
  EXPECT_NE(message_of([&] { evaluated(*loss, {f}, {y[0]}); }).find("[2, 2]"), std::string::npos);
  BinaryCrossEntropyOptions options;
  options.weight = {1, 2, 3};
  EXPECT_NE(message_of([&] { evaluated(*binary_cross_entropy(options), {f}, {y}); }).find("3 weights"), std::string::npos);
}

TEST(VariationalAutoencoder, ReconstructionAndDivergence) {
  const auto image = normal({3, 1, 2, 3}, 7);
  const TensorList outputs{normal({3, 1, 2, 3}, 8).sigmoid(), normal({3, 2}, 9), 0.5 * normal({3, 2}, 10)};
  for (const auto reduction : kBoth) {
    const auto loss = variational_autoencoder(reduction);
    expect_loss(*loss, outputs, {image}, [&](const TensorList& o) {
      const auto recon = (o[0] - image).square().sum();
      const auto kl = -0.5 * (1 + 2 * o[2] - o[1].square() - (2 * o[2]).exp()).sum();
      return (recon + kl) / (reduction == LossReduction::mean ? 3.0 : 1.0);
    });
    EXPECT_EQ(loss->columns(evaluated(*loss, outputs, {image})), 6 + 2 + 2);
    EXPECT_FALSE(loss->has_accuracy());
    EXPECT_THROW(evaluated(*loss, {outputs[0]}, {image}), ComputeError);
  }
}

}  // namespace
}  // namespace backobs
