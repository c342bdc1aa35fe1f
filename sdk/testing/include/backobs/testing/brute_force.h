// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/data.h>
#include <backobs/loss.h>
#include <backobs/module.h>
#include <backobs/network.h>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace backobs::testing {

/// What a network is checked with: how the modules at some nodes compute by themselves, apart from their rules. A node
/// without an entry (nodes without a module, dropout with its masks) runs its rule's forward.
using OwnForwards = std::map<std::string, ModuleForward>;

/// Everything a quantity can be compared with, by autograd and double backward alone: no jac_t, no signal, no walk. One
/// graph of the whole batch; derivatives are taken one scalar at a time, so this is for small networks.
///
/// Index letters: n sample, d network output entry (all outputs joined, D of them), p entry of one parameter tensor.
/// Scale: l_n carries the loss reduction and, with a penalty c for a parameter, (c/2N) |w|^2.
class BruteForce {
 public:
  BruteForce(const Network& network, const LossRule& loss, const Batch& batch, const ForwardContext& context = {},
             const OwnForwards& own = {}, std::map<std::string, double> penalties = {})
      : network_(network), batch_(batch), penalties_(std::move(penalties)) {
    const at::AutoGradMode grad(true);
    run(context, own);
    LossIO io{outputs_, batch.targets, batch.size, 1, {}};
    io.divisor = loss.divisor(io);
    contributions_ = loss.contributions(io);
    for (const auto& [name, c] : penalties_)
      contributions_ = contributions_ + c / 2 / static_cast<double>(batch.size) * network.parameter(name).value.square().sum();
    hessian_of_loss(loss, io);
  }

  /// The value of every node, with its graph.
  const std::vector<Tensor>& values() const { return values_; }
  /// l_n, [N].
  Tensor contributions() const { return contributions_.detach(); }
  /// d^2 l_n / df_n^2, [N, D, D], the loss alone.
  const Tensor& loss_hessian() const { return loss_hessian_; }

  /// g_n, [N, *p].
  Tensor gradients(const std::string& parameter) const {
    const at::AutoGradMode grad(true);
    TensorList rows;
    for (int64_t n = 0; n < batch_.size; ++n) rows.push_back(derivative(contributions_[n], value(parameter)));
    return at::stack(rows);
  }
  /// J_n, [N, D, P].
  Tensor jacobians(const std::string& parameter) const {
    const at::AutoGradMode grad(true);
    TensorList samples;
    for (int64_t n = 0; n < batch_.size; ++n) {
      TensorList rows;
      for (const auto& output : outputs_) {
        const auto flat = output[n].reshape({-1});
        for (int64_t d = 0; d < flat.size(0); ++d) rows.push_back(derivative(flat[d], value(parameter)).flatten());
      }
      samples.push_back(at::stack(rows));
    }
    return at::stack(samples);
  }
  /// J_n^T H_n J_n + (c/N) I, [N, P, P].
  Tensor ggn(const std::string& parameter) const {
    const auto j = jacobians(parameter);
    auto blocks = j.transpose(1, 2).matmul(loss_hessian_).matmul(j);
    const auto c = penalties_.find(parameter);
    if (c != penalties_.end())
      blocks += at::eye(j.size(2), j.options()) * (c->second / static_cast<double>(batch_.size));
    return blocks;
  }
  /// d^2 l_n / dw^2, [N, P, P].
  Tensor hessians(const std::string& parameter) const {
    const at::AutoGradMode grad(true);
    const auto& w = value(parameter);
    TensorList samples;
    for (int64_t n = 0; n < batch_.size; ++n) {
      const auto gradient = torch::autograd::grad({contributions_[n]}, {w}, {}, true, true, true)[0];
      TensorList rows;
      for (int64_t p = 0; p < w.numel(); ++p)
        rows.push_back(gradient.defined() && gradient.requires_grad() ? derivative(gradient.reshape({-1})[p], w).flatten()
                                                                      : at::zeros({w.numel()}, w.options().requires_grad(false)));
      samples.push_back(at::stack(rows));
    }
    return at::stack(samples);
  }

 private:
  void run(const ForwardContext& context, const OwnForwards& own) {
    values_ = batch_.inputs;
    auto here = context;
    for (auto node = static_cast<NodeId>(values_.size()); node <= network_.last(); ++node) {
      const auto& [name, rule, inputs, shape] = network_.nodes()[node];
      TensorList taken, saved;
      for (const auto input : inputs) taken.push_back(values_[input]);
      here.node = name;
      if (const auto module = rule->module()) module->train(context.training);
      const auto found = own.find(name);
      values_.push_back(found == own.end() ? rule->forward(taken, here, saved) : found->second(taken));
    }
    for (const auto output : network_.outputs()) outputs_.push_back(values_[output]);
  }

  void hessian_of_loss(const LossRule& loss, const LossIO& io) {
    auto bare = io;
    for (auto& output : bare.outputs) output = output.detach().clone().requires_grad_();
    const auto l = loss.contributions(bare);
    TensorList flat, samples;
    const auto gradients = torch::autograd::grad({l.sum()}, bare.outputs, {}, true, true);
    for (const auto& gradient : gradients) flat.push_back(gradient.reshape({batch_.size, -1}));
    const auto gradient = at::cat(flat, 1);
    for (int64_t n = 0; n < batch_.size; ++n) {
      TensorList rows;
      for (int64_t d = 0; d < gradient.size(1); ++d) {
        TensorList row;
        for (const auto& output : bare.outputs) row.push_back(derivative(gradient[n][d], output)[n].flatten());
        rows.push_back(at::cat(row));
      }
      samples.push_back(at::stack(rows));
    }
    loss_hessian_ = at::stack(samples);
  }

  const Tensor& value(const std::string& parameter) const { return network_.parameter(parameter).value; }
  /// ds/dx of a scalar, zeros where s does not depend on x.
  static Tensor derivative(const Tensor& scalar, const Tensor& x) {
    const auto result = scalar.requires_grad() ? torch::autograd::grad({scalar}, {x}, {}, true, false, true)[0] : Tensor();
    return result.defined() ? result : at::zeros_like(x.detach());
  }

  const Network& network_;
  const Batch& batch_;
  std::map<std::string, double> penalties_;
  std::vector<Tensor> values_;
  TensorList outputs_;
  Tensor contributions_, loss_hessian_;
};

}  // namespace backobs::testing
