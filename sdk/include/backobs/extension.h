// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>
#include <backobs/layer.h>
#include <backobs/options.h>
#include <backobs/product.h>
#include <backobs/random.h>
#include <backobs/signal.h>
#include <backobs/state.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace backobs {

/// What is known of one trainable parameter before any batch.
struct ParameterInfo {
  std::string name;              ///< "dense1.weight"
  std::vector<int64_t> shape;    ///< *p
  std::string node;              ///< node of its first use: "dense1"
  std::string layer;             ///< LayerRule::type() there: "Linear"
  ParamForm form = ParamForm::general;
  bool shared = false;           ///< used by more than one node
  double penalty = 0;            ///< c of the weight penalty (c/2) |w|^2; 0 if not regularised
};

/// What is known of the problem before any batch.
struct ProblemInfo {
  std::string name;
  std::vector<ParameterInfo> parameters;
};

/// One pass: where in the experiment it stands, and how many samples it averages over.
struct PassInfo {
  int64_t batch_size = 0;  ///< N
  int64_t epoch = 0;
  int64_t step = 0;        ///< global, from 0, before the update
  Random random;
};

/// One parameter, after its last use and its last tile, with every derived quantity some extension declared.
/// Values are shared between extensions and valid during the visit: clone what is kept, never write into them.
class BACKOBS_API ParameterVisit {
 public:
  virtual ~ParameterVisit();

  virtual const ParameterInfo& info() const = 0;
  virtual const Tensor& value() const = 0;  ///< [*p], before the update
  virtual int64_t batch_size() const = 0;   ///< N
  /// The value of a declared need; throws PluginError for an undeclared one. Shapes and scales: backobs/signal.h.
  virtual Tensor derived(const Need& need) const = 0;

  /// The gradient of the mini-batch loss, penalty included; always available. [*p]
  Tensor grad() const { return derived({Need::What::sum, SignalKey::gradient()}); }
  Tensor columns(const SignalKey& key) const { return derived({Need::What::columns, key}); }
  Tensor sum(const SignalKey& key) const { return derived({Need::What::sum, key}); }
  Tensor sum_squares(const SignalKey& key) const { return derived({Need::What::sum_squares, key}); }
  Tensor sample_squares(const SignalKey& key) const { return derived({Need::What::sample_squares, key}); }
  Tensor squared_norms(const SignalKey& key) const { return derived({Need::What::squared_norms, key}); }
  Tensor variance(const SignalKey& key) const { return derived({Need::What::variance, key}); }
  Tensor input_factor() const { return derived({Need::What::input_factor, SignalKey::gradient()}); }
  Tensor output_factor(const SignalKey& key) const { return derived({Need::What::output_factor, key}); }
  Tensor product(const SignalKey& key, const std::string& vectors, Signs signs = Signs::kept) const {
    return derived({Need::What::product, key, vectors, signs});
  }

  /// The block of this parameter in a curvature matrix, as an operator that outlives the visit; needs What::block.
  virtual std::shared_ptr<CurvatureBlock> block(const SignalKey& key) const = 0;
};

/// Where an extension puts what it found. The name in front of every key is the extension's own (or its `as`). Tensors of
/// any shape, the same at every step; they may share memory with what a visit gives. One value per parameter and name.
class BACKOBS_API Results {
 public:
  virtual ~Results();
  /// One tensor for one parameter.
  virtual void put(const ParameterVisit& visit, Tensor value) = 0;
  /// A list of tensors for one parameter, such as Kronecker factors; a list of one stays a list.
  virtual void put(const ParameterVisit& visit, TensorList values) = 0;
  /// A value of the whole pass, not of one parameter: a scalar tensor, a vector, a histogram's counts.
  virtual void put(const std::string& name, Tensor value) = 0;
};

/// Computes one quantity during the backward pass. The common case is `needs` and one `visit`:
///
///     std::vector<Need> needs() const override { return {{Need::What::sum_squares, key_}}; }
///     void visit(const ParameterVisit& p, Results& results) override { results.put(p, p.sum_squares(key_)); }
///
/// Life: constructed from checked options; `prepare` once; then per pass `begin_pass`, `vectors` if products are
/// declared, `visit` for every trainable parameter (last layer first), `end_pass`. An extension never prints and never
/// changes a parameter. What it throws ends its run, and no other; the message names it, the call, the parameter and the step.
class BACKOBS_API Extension {
 public:
  virtual ~Extension();

  /// What the visits will read; asked once, after construction.
  virtual std::vector<Need> needs() const = 0;
  /// A reason why this parameter cannot be served, beyond what core derives from the needs. It is shown to the user.
  virtual std::optional<std::string> refuses(const ParameterInfo&) const { return std::nullopt; }

  /// What stays the same over a training; PassInfo tells what does not.
  virtual void prepare(const ProblemInfo&) {}
  virtual void begin_pass(const PassInfo&) {}
  /// The vectors called `name` in a declared product, [K, *p]; asked once per parameter after begin_pass, since they are
  /// needed while the walk goes on. kGradientVectors is not asked for: core knows them.
  virtual Tensor vectors(const ParameterInfo&, const std::string& /*name*/) { return {}; }
  virtual void visit(const ParameterVisit& parameter, Results& results) = 0;
  virtual void end_pass(Results&) {}

  /// What must survive a restart, bit by bit. Without state over steps: nothing. load_state comes after prepare.
  virtual void save_state(State&) const {}
  virtual void load_state(const State&) {}
};

}  // namespace backobs
