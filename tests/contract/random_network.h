// SPDX-License-Identifier: MIT
#pragma once

#include "contract/test_network.h"

#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>
#include <torch/nn/modules/padding.h>
#include <torch/nn/modules/pooling.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <random>
#include <sstream>

/// Small networks, losses and batches drawn from a seed, float64: what the equations are tested on.
namespace backobs {

/// What may be drawn.
struct NetworkClass {
  enum class Activations { none, piecewise_linear, any } activations = Activations::any;
  bool branches = true;
  bool images = true;     ///< convolutions and pools in front
  bool positions = true;  ///< Linear over extra axes
  int64_t samples = 0;    ///< N; 0: drawn from 1 to 4
  enum class Loss { any, cross_entropy, squared_error } loss = Loss::any;
};

/// Draws one network node by node.
class NetworkDraw {
 public:
  NetworkDraw(uint64_t seed, const NetworkClass& kind) : kind_(kind), random_(seed) { drawn_.seed = seed; }

  TestNetwork draw() {
    start();
    for (int64_t block = 0, blocks = pick(1, 2); block < blocks; ++block) hidden();
    finish();
    drawn_.reduction = coin() ? LossReduction::mean : LossReduction::sum;
    fill_parameters(drawn_);
    text_ << (drawn_.reduction == LossReduction::mean ? " mean" : " sum") << ", N = " << drawn_.batch.size;
    drawn_.description = text_.str();
    return std::move(drawn_);
  }

 private:
  int64_t pick(int64_t low, int64_t high) { return std::uniform_int_distribution<int64_t>(low, high)(random_); }
  bool coin() { return pick(0, 1) == 1; }
  Tensor normal(std::vector<int64_t> shape) {
    return at::randn(shape, Random(drawn_.seed).generator(Draw::probe, ++stream_), at::kDouble);
  }
  std::vector<int64_t> shape() const { return drawn_.net.sample_shapes().back(); }
  std::string name(const std::string& stem) { return stem + std::to_string(++nodes_); }

  template <typename Module>
  NodeId add(const std::string& stem, const Module& module, std::vector<NodeId> inputs = {}) {
    const auto label = name(stem);
    text_ << " " << label << "(";
    module->pretty_print(text_);
    text_ << ")";
    return drawn_.add(label, module, std::move(inputs));
  }
  template <typename Impl>
  NodeId add_own(const std::string& stem, const std::shared_ptr<Impl>& module, std::vector<NodeId> inputs) {
    const auto label = name(stem);
    text_ << " " << label;
    return drawn_.add(label, module, std::move(inputs));
  }

  void start() {
    std::vector<int64_t> shape;
    const auto form = pick(0, kind_.images ? 3 : 1);
    if (form == 0 || (form == 1 && !kind_.positions)) shape = {pick(2, 5)};
    else if (form == 1) shape = {pick(2, 3), pick(2, 4)};
    else if (form == 2) shape = {pick(1, 2), pick(4, 6), pick(4, 6)};
    else shape = {pick(1, 2), pick(5, 8)};
    image_ = form >= 2;
    text_ << at::IntArrayRef(shape) << ":";
    drawn_.net = Network(shape);
    const auto n = kind_.samples > 0 ? kind_.samples : pick(1, 4);
    shape.insert(shape.begin(), n);
    drawn_.batch = {{normal(shape)}, {}, at::arange(n), n};
  }

  /// A layer with parameters, an activation, and sometimes a branch around or a pool behind.
  void hidden() {
    if (image_) convolution();
    else linear(pick(2, 4));
    activation();
    if (kind_.branches && pick(0, 2) == 0) branch();
    if (image_ && coin()) pool();
  }
  void linear(int64_t out) {
    add("linear", nn::Linear(nn::LinearOptions(shape().back(), out).bias(pick(0, 3) > 0)));
  }
  void convolution() {
    const auto in = shape();
    const bool grouped = in[0] % 2 == 0 && coin();
    const int64_t space = in.size() == 3 ? std::min(in[1], in[2]) : in[1];
    const int64_t out = grouped ? 2 : pick(1, 3), kernel = pick(1, std::min<int64_t>(3, space));
    const auto set = [&](auto options) {
      options.stride(pick(1, 2)).padding(pick(0, kernel / 2)).bias(pick(0, 3) > 0).groups(grouped ? 2 : 1);
      if (kernel == 2 && space > 2 && coin()) options.dilation(2);
      return options;
    };
    if (in.size() == 3) add("conv", nn::Conv2d(set(nn::Conv2dOptions(in[0], out, kernel))));
    else add("conv", nn::Conv1d(set(nn::Conv1dOptions(in[0], out, kernel))));
  }
  void activation() {
    if (kind_.activations == NetworkClass::Activations::none) return;
    const auto choice = pick(0, kind_.activations == NetworkClass::Activations::any ? 10 : 3);
    switch (choice) {
      case 0: add("relu", nn::ReLU()); break;
      case 1: add("leaky", nn::LeakyReLU(nn::LeakyReLUOptions().negative_slope(0.2))); break;
      case 2: add("hardtanh", nn::Hardtanh()); break;
      case 3: add("relu", nn::ReLU6()); break;
      case 4: add("sigmoid", nn::Sigmoid()); break;
      case 5: add("tanh", nn::Tanh()); break;
      case 6: add("elu", nn::ELU(nn::ELUOptions().alpha(0.7))); break;
      case 7: add("selu", nn::SELU()); break;
      case 8: add("softplus", nn::Softplus()); break;
      case 9: add("silu", nn::SiLU()); break;
      case 10: add("log_sigmoid", nn::LogSigmoid()); break;
    }
  }
  /// trunk + f(trunk), or trunk f(trunk) where curvature is allowed.
  void branch() {
    const auto trunk = drawn_.net.last();
    activation();
    if (!image_) linear(shape().back());
    const auto side = drawn_.net.last();
    if (side == trunk) return;
    if (kind_.activations == NetworkClass::Activations::any && coin())
      add_own("times", std::make_shared<TimesImpl>(), {trunk, side});
    else
      add_own("plus", std::make_shared<PlusImpl>(), {trunk, side});
  }
  void pool() {
    const auto in = shape();
    if (in.back() < 2 || in[in.size() - 2] < 2) return;
    const bool maximum = kind_.activations != NetworkClass::Activations::none && coin();
    const auto stride = pick(1, 2);
    if (in.size() == 3 && maximum) add("max_pool", nn::MaxPool2d(nn::MaxPool2dOptions(2).stride(stride)));
    else if (in.size() == 3) add("avg_pool", nn::AvgPool2d(nn::AvgPool2dOptions(2).stride(stride)));
    else if (maximum) add("max_pool", nn::MaxPool1d(nn::MaxPool1dOptions(2).stride(stride)));
    else add("avg_pool", nn::AvgPool1d(nn::AvgPool1dOptions(2).stride(stride)));
  }

  /// The last layer and a loss that fits it.
  void finish() {
    const bool extra_axes = shape().size() == 2 && !image_ && kind_.loss != NetworkClass::Loss::squared_error && coin();
    if (!extra_axes && shape().size() > 1) add("flatten", nn::Flatten());
    linear(pick(2, 3));
    if (extra_axes) add_own("swap", std::make_shared<SwapAxesImpl>(), {drawn_.net.last()});
    auto out = shape();
    out.insert(out.begin(), drawn_.batch.size);
    const auto choice = kind_.loss == NetworkClass::Loss::any ? pick(0, 3) : kind_.loss == NetworkClass::Loss::squared_error ? 2 : 0;
    switch (extra_axes ? 0 : choice) {
      case 0:
      case 1: {
        CrossEntropyOptions options;
        if (coin()) options.label_smoothing = 0.2;
        if (coin())
          for (int64_t c = 0; c < out[1]; ++c) options.weight.push_back(0.5 + static_cast<double>(c));
        auto labels = out;
        labels.erase(labels.begin() + 1);
        drawn_.batch.targets = {at::randint(out[1], labels, Random(drawn_.seed).generator(Draw::probe, 99), at::kLong)};
        drawn_.make_loss = [options](LossReduction reduction) mutable {
          options.reduction = reduction;
          return cross_entropy(options);
        };
        text_ << " cross entropy" << (options.weight.empty() ? "" : " weighted") << (options.label_smoothing > 0 ? " smoothed" : "");
        break;
      }
      case 2:
        drawn_.batch.targets = {normal(out)};
        drawn_.make_loss = [](LossReduction reduction) { return mean_squared_error(reduction); };
        text_ << " squared error";
        break;
      default:
        drawn_.batch.targets = {normal(out).sigmoid()};
        drawn_.make_loss = [](LossReduction reduction) {
          BinaryCrossEntropyOptions options;
          options.reduction = reduction;
          return binary_cross_entropy(options);
        };
        text_ << " binary cross entropy";
    }
  }

  NetworkClass kind_;
  std::mt19937_64 random_;
  TestNetwork drawn_;
  std::ostringstream text_;
  uint64_t stream_ = 0;
  int64_t nodes_ = 0;
  bool image_ = false;
};

/// Draws `count` networks of a kind, with seeds from `base` on, and checks each; a failure prints seed and network.
/// BACKOBS_SEED=N checks the network of seed N alone.
inline void for_networks(uint64_t base, int64_t count, const NetworkClass& kind, const std::function<void(TestNetwork&)>& check) {
  const char* only = std::getenv("BACKOBS_SEED");
  for (int64_t i = 0; i < (only ? 1 : count); ++i) {
    const auto seed = only ? std::strtoull(only, nullptr, 10) : base + static_cast<uint64_t>(i);
    auto drawn = NetworkDraw(seed, kind).draw();
    SCOPED_TRACE("BACKOBS_SEED=" + std::to_string(seed) + ": " + drawn.description);
    ASSERT_NO_THROW(check(drawn));
  }
}
/// Whether one network was asked for, so that counts over all of them mean nothing.
inline bool single_seed() { return std::getenv("BACKOBS_SEED") != nullptr; }

}  // namespace backobs
