// SPDX-License-Identifier: MIT
#include "network/rule_table.h"

#include <ATen/ATen.h>
#include <torch/nn/modules/dropout.h>

namespace backobs {
namespace {

/// y = m x with m = 0 with probability p and 1/(1-p) otherwise, drawn entry by entry or, for Dropout2d and Dropout3d,
/// channel by channel; y = x in evaluation. The mask is drawn from the step's position and the node's name, so that a
/// repeated pass repeats it, and saved: zeros in the output may be zeros of the input.
template <typename Impl>
class DropoutRule final : public ElementwiseRule {
 public:
  explicit DropoutRule(std::shared_ptr<Impl> module) : module_(std::move(module)) {}
  std::string type() const override { return kType; }
  std::shared_ptr<torch::nn::Module> module() const override { return module_; }

  Tensor forward(const TensorList& inputs, const ForwardContext& context, TensorList& saved) const override {
    const auto& x = inputs[0];
    if (!context.training || module_->options.p() == 0) return x;
    saved.push_back(mask(x, context));
    return x * saved[0];
  }
  bool is_curved() const override { return false; }
  bool reads_inputs() const override { return false; }
  bool reads_output() const override { return false; }
  Tensor df(const LayerIO& io) const override {
    return io.saved.empty() ? at::ones_like(io.output) : io.saved[0].expand_as(io.output);
  }
  Tensor d2f(const LayerIO&) const override { return {}; }
  TensorList jac_t(const LayerIO& io, const Tensor& columns) const override {
    return {io.saved.empty() ? columns : columns * io.saved[0]};
  }

 private:
  static constexpr bool kByEntry = std::is_same_v<Impl, torch::nn::DropoutImpl>;
  static constexpr const char* kType = kByEntry                                           ? "Dropout"
                                       : std::is_same_v<Impl, torch::nn::Dropout2dImpl> ? "Dropout2d"
                                                                                          : "Dropout3d";

  Tensor mask(const Tensor& x, const ForwardContext& context) const {
    auto shape = x.sizes().vec();
    for (std::size_t axis = 2; !kByEntry && axis < shape.size(); ++axis) shape[axis] = 1;
    const double kept = 1 - module_->options.p();
    auto draw = at::empty(shape, x.options().device(at::kCPU));
    draw.bernoulli_(kept, context.random.generator(Draw::dropout, context.node));
    if (kept > 0) draw.div_(kept);
    return draw.to(x.device());
  }

  std::shared_ptr<Impl> module_;
};

}  // namespace

void register_dropout(RuleTable& table) {
  table.add<torch::nn::DropoutImpl, DropoutRule<torch::nn::DropoutImpl>>();
  table.add<torch::nn::Dropout2dImpl, DropoutRule<torch::nn::Dropout2dImpl>>();
  table.add<torch::nn::Dropout3dImpl, DropoutRule<torch::nn::Dropout3dImpl>>();
}

}  // namespace backobs
