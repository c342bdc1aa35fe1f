// SPDX-License-Identifier: MIT
#include <backobs/testing/layer_contract.h>

#include "testing/configurations.h"
#include "testing/one_pass.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

namespace backobs::testing {
namespace {

constexpr double kRounding = 1e-10;

/// A rule with nothing but the forward of another: every derivative is the default.
class DefaultsOnly final : public LayerRule {
 public:
  explicit DefaultsOnly(std::shared_ptr<const LayerRule> rule) : rule_(std::move(rule)) {}
  std::string type() const override { return rule_->type(); }
  std::shared_ptr<torch::nn::Module> module() const override { return rule_->module(); }
  std::vector<NamedTensor> parameters() const override { return rule_->parameters(); }
  Tensor forward(const TensorList& inputs, const ForwardContext& context, TensorList& saved) const override {
    return rule_->forward(inputs, context, saved);
  }

 private:
  std::shared_ptr<const LayerRule> rule_;
};

/// R_n = sum_r sign f f^T of a residual over its differentiable inputs [n, *in_i], as [n, H, H].
Tensor residual_matrix(const Residual& residual, const TensorList& inputs) {
  if (residual.diagonal.defined()) return at::diag_embed(residual.diagonal.flatten(1));
  TensorList flat;
  const auto samples = inputs.front().size(0), count = residual.empty() ? int64_t{1} : residual.signs.size(0);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].is_floating_point()) continue;
    const bool zero = residual.empty() || !residual.factors[i].defined();
    flat.push_back(zero ? at::zeros({count, samples, inputs[i].numel() / samples}, inputs[i].options())
                        : residual.factors[i].flatten(2));
  }
  if (flat.empty()) return at::zeros({samples, 0, 0}, at::kDouble);
  const auto f = at::cat(flat, 2).permute({1, 2, 0});  // [n, H, R]
  if (residual.empty()) return f.matmul(f.transpose(1, 2));
  return f.matmul((f * residual.signs.t().unsqueeze(1)).transpose(1, 2));
}

/// [first, first + count) of a batch.
struct Block {
  int64_t first, count;
};
/// The whole, and the blocks of every tiling of it or, where few will do, its second half.
std::vector<Block> blocks(int64_t batch, bool all) {
  std::vector<Block> result{{0, batch}};
  if (!all && batch > 1) result.push_back({batch / 2, batch - batch / 2});
  for (int64_t size = all ? batch - 1 : 0; size > 0; --size)
    for (int64_t first = 0; first < batch; first += size) result.push_back({first, std::min(size, batch - first)});
  return result;
}

/// The contract of one rule on one mini-batch, held against the defaults.
class LayerContract {
 public:
  LayerContract(std::shared_ptr<const LayerRule> rule, TensorList inputs, const ForwardContext& context,
                const ContractSettings& settings)
      : rule_(std::move(rule)),
        plain_(std::make_shared<const DefaultsOnly>(rule_)),
        inputs_(std::move(inputs)),
        context_(context),
        settings_(settings) {}

  void check(Checks& checks, const std::string& prefix) {
    const at::NoGradGuard no_grad;
    const auto run = [&](const char* name, void (LayerContract::*body)()) {
      checks.run(prefix + name, [&] { (this->*body)(); });
    };
    run("forward", &LayerContract::forward);
    if (!slow_) return;
    run("samples", &LayerContract::samples);
    const auto each = [&](const char* name, void (LayerContract::*body)(const Block&)) {
      checks.run(prefix + name, [&] {
        const auto batch = slow_->output().size(0);
        // The samples of a coupled layer make sense together alone.
        for (const Block& block : coupled_ ? std::vector<Block>{{0, batch}} : blocks(batch, settings_.strictness >= 3))
          (this->*body)(block);
      });
    };
    run("weights", &LayerContract::weights);
    each("first derivatives", &LayerContract::first_derivatives);
    if (!coupled_) each("second derivatives", &LayerContract::second_derivatives);
    if (!coupled_ && inputs_.size() == 1 && inputs_[0].is_floating_point()) {
      each("averaged curvature", &LayerContract::averaged_curvature);
      each("diagonals", &LayerContract::diagonals);
    }
    if (settings_.strictness >= 6) run("threads", &LayerContract::threads);
    if (settings_.strictness >= 7) run("growth", &LayerContract::growth);
  }

 private:
  Tensor draw(at::IntArrayRef shape, uint64_t stream) const {
    return at::randn(shape, Random(settings_.seed).generator(Draw::probe, stream), at::kDouble);
  }
  Tensor columns(const Block& block, int64_t count) const {
    auto shape = slow_->output().sizes().vec();
    shape[0] = block.count;
    shape.insert(shape.begin(), count);
    return draw(shape, 1);
  }
  std::string place(const Block& block, const std::string& what) const {
    return what + " of samples " + std::to_string(block.first) + " to " + std::to_string(block.first + block.count - 1);
  }
  TensorList inputs(const Block& block) const {
    TensorList result;
    for (const auto& input : inputs_) result.push_back(input.narrow(0, block.first, block.count));
    return result;
  }
  int64_t features() const { return slow_->output().numel() / slow_->output().size(0); }

  void forward() {
    coupled_ = rule_->couples_samples(context_);
    const auto batch = inputs_.front().size(0);
    TensorList saved;
    const auto plainly = rule_->forward(inputs_, context_, saved);
    if (!plainly.defined() || plainly.dim() == 0 || plainly.size(0) != batch)
      throw Broken("an output of shape " + (plainly.defined() ? shape_text(plainly) : "none"), "samples first, " + std::to_string(batch));
    for (const auto& tensor : saved)
      if (!tensor.defined() || tensor.dim() == 0 || tensor.size(0) != batch)
        throw Broken("a saved tensor of shape " + (tensor.defined() ? shape_text(tensor) : "none"), "samples first, " + std::to_string(batch));
    require_finite(plainly.detach(), "output");
    TensorList saved_again;
    require_near(rule_->forward(inputs_, context_, saved_again).detach(), plainly.detach(), 0, "output of a second forward");
    auto alone = context_;
    alone.walked = false;
    require_near(rule_->forward(inputs_, alone, saved_again).detach(), plainly.detach(), 0, "output of a forward that no walk follows");
    RecordedLayer fast(rule_, inputs_, context_), slow(plain_, inputs_, context_);
    require_near(fast.output(), slow.output(), kRounding, "output");
    fast.release_unread();
    fast_.emplace(std::move(fast));
    slow_.emplace(std::move(slow));
  }
  void samples() {
    if (coupled_) throw Skipped("its samples are coupled, as it says");
    slow_->refuse_coupling(context_);
  }

  /// to_affine takes a weight to where the affine map has it, and from_affine brings it back.
  void weights() {
    const auto io = fast_->io(0, slow_->output().size(0));
    for (const auto& parameter : rule_->parameters()) {
      if (rule_->form(parameter.name) != ParamForm::weight) continue;
      const auto z = rule_->affine_columns(io, columns({0, io.samples()}, 1)), x = rule_->affine_input(io);  // [V, n, S, G, C]
      const auto value = parameter.value.detach();
      const auto there = rule_->to_affine(parameter.name, value, {z.size(3), z.size(4), x.size(3)});
      require_near(rule_->from_affine(parameter.name, there), value, 0, "from_affine(to_affine()) of " + parameter.name);
    }
  }

  /// Transposed Jacobians into inputs and parameters: all that a layer owes whose samples are coupled.
  void first_derivatives(const Block& block) {
    const auto a = fast_->io(block.first, block.count), b = slow_->io(block.first, block.count);
    const auto some = columns(block, 3);
    const auto found = rule_->jac_t(a, some), wanted = plain_->jac_t(b, some);
    if (found.size() != inputs_.size())
      throw Broken(place(block, "jac_t") + " of " + std::to_string(found.size()) + " inputs", std::to_string(inputs_.size()));
    for (std::size_t i = 0; i < inputs_.size(); ++i)
      if (inputs_[i].is_floating_point()) require_near(found[i], wanted[i], kRounding, place(block, "jac_t"));
    for (const auto& parameter : rule_->parameters()) {
      const auto each = plain_->param_jac_t(b, parameter.name, some);
      require_near(rule_->param_jac_t(a, parameter.name, some), each, kRounding, place(block, "param_jac_t into " + parameter.name));
      for (const bool plain : {false, true})
        require_near(plain ? plain_->sum_param_jac_t(b, parameter.name, some) : rule_->sum_param_jac_t(a, parameter.name, some),
                     each.sum(0).sum(0), kRounding, place(block, "sum_param_jac_t into " + parameter.name));
    }
    if (!rule_->jacobian_is_constant() || coupled_) return;  // coupled samples tell the columns of others apart
    const auto equal = some.narrow(1, 0, 1).expand(some.sizes()).contiguous();
    for (const auto& into : plain_->jac_t(b, equal))
      if (into.defined())
        require_near(into, into.narrow(1, 0, 1).expand(into.sizes()), kRounding, place(block, "jacobian_is_constant(), but jac_t"));
  }

  /// Second derivatives: in each parameter, and in the inputs jointly.
  void second_derivatives(const Block& block) {
    const auto a = fast_->io(block.first, block.count), b = slow_->io(block.first, block.count);
    const auto grad = columns(block, 1)[0];
    for (const auto& parameter : rule_->parameters()) {
      const TensorList like{at::zeros({block.count, parameter.value.numel()}, at::kDouble)};
      require_near(residual_matrix(rule_->param_residual(a, parameter.name, grad), like),
                   residual_matrix(plain_->param_residual(b, parameter.name, grad), like), kRounding,
                   place(block, "param_residual in " + parameter.name));
    }
    const auto wanted = residual_matrix(plain_->residual(b, grad), inputs(block));
    require_near(residual_matrix(rule_->residual(a, grad), inputs(block)), wanted, kRounding, place(block, "residual"));
    if (!rule_->is_curved()) require_near(at::zeros_like(wanted), wanted, kRounding, place(block, "is_curved() false, and a residual"));
  }

  void averaged_curvature(const Block& block) {
    const auto half = draw({features(), features()}, 2), mat = half + half.t();
    require_near(rule_->sum_jac_t_mat_jac(fast_->io(block.first, block.count), mat),
                 plain_->sum_jac_t_mat_jac(slow_->io(block.first, block.count), mat), kRounding, place(block, "sum_jac_t_mat_jac"));
  }

  void diagonals(const Block& block) {
    const auto a = fast_->io(block.first, block.count), b = slow_->io(block.first, block.count);
    const auto diagonal = columns(block, 1)[0];
    const auto out = features(), begin = out / 3;
    require_near(rule_->jac_t_diagonal(a, diagonal, begin, out - begin)[0], plain_->jac_t_diagonal(b, diagonal, begin, out - begin)[0],
                 kRounding, place(block, "jac_t_diagonal"));
    if (!rule_->is_pointwise()) return;
    const auto jacobian = plain_->jac_t_diagonal(b, at::ones_like(diagonal), 0, out)[0].flatten(2);  // [D_out, n, D_in]
    require_near(jacobian, at::diag_embed(at::diagonal(jacobian, 0, 0, 2), 0, 0, 2), 0, place(block, "is_pointwise(), but the Jacobian"));
  }

  /// One rule may serve several passes at once.
  void threads() {
    const Block whole{0, slow_->output().size(0)};
    const auto some = columns(whole, 2);
    const auto wanted = plain_->jac_t(slow_->io(0, whole.count), some);
    std::vector<TensorList> found(2);
    in_two_threads([&](std::size_t i) {
      const at::NoGradGuard no_grad;
      for (int repeat = 0; repeat < 20; ++repeat) {
        const RecordedLayer own(rule_, inputs_, context_);
        found[i] = rule_->jac_t(own.io(0, whole.count), some);
      }
    });
    for (const auto& one : found)
      for (std::size_t i = 0; i < wanted.size(); ++i)
        if (wanted[i].defined()) require_near(one.at(i), wanted[i], kRounding, "jac_t");
  }
  void growth() {
    const auto batch = slow_->output().size(0);
    const auto some = columns({0, batch}, 2);
    require_no_growth(200, [&] {
      const RecordedLayer own(rule_, inputs_, context_);
      rule_->jac_t(own.io(0, batch), some);
    });
  }

  std::shared_ptr<const LayerRule> rule_, plain_;
  TensorList inputs_;
  ForwardContext context_;
  ContractSettings settings_;
  bool coupled_ = false;
  std::optional<RecordedLayer> fast_, slow_;  ///< of rule and of plain
};

}  // namespace

Checks check_layer(const std::shared_ptr<const LayerRule>& rule, const TensorList& inputs, const ForwardContext& context,
                   const ContractSettings& settings, const std::string& name) {
  Checks checks(settings.listener);
  LayerContract(rule, inputs, context, settings).check(checks, (name.empty() ? rule->type() : name) + ": ");
  return checks;
}

}  // namespace backobs::testing
