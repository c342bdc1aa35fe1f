// SPDX-License-Identifier: MIT
#include "walk/visit.h"

#include <backobs/error.h>

#include <ATen/ATen.h>
#include <c10/util/Exception.h>

#include <exception>
#include <sstream>

namespace backobs {
namespace {

/// What one extension sees of one parameter.
class Visit final : public ParameterVisit {
 public:
  Visit(const ParameterInfo& info, const Tensor& value, const SampleCount& count, const ParameterQuantities& quantities,
        const std::set<Need>& declared, const std::string& extension)
      : info_(info), value_(value), count_(count), quantities_(quantities), declared_(declared), extension_(extension) {}

  const ParameterInfo& info() const override { return info_; }
  const Tensor& value() const override { return value_; }
  int64_t batch_size() const override { return count_.batch_size; }

  Tensor derived(const Need& need) const override {
    const bool is_gradient = need == Need{Need::What::sum, SignalKey::gradient()};
    if (!is_gradient && !declared_.count(need))
      throw PluginError(info_.name, "a read of " + need.to_string(),
                        "needs() to declare it");
    if (need.what == Need::What::block)
      throw PluginError(info_.name, "a read of " + need.to_string(), "block()");
    const auto value = quantities_.value(need);
    if (is_gradient && !value.defined())
      throw PluginError(info_.name, "a read of grad() in a block of samples",
                        "values per sample, which is what PerSample promises");
    return value.defined() ? value : without_residuals(need);
  }
  std::shared_ptr<CurvatureBlock> block(const SignalKey& key) const override {
    const Need need{Need::What::block, key};
    if (!declared_.count(need))
      throw PluginError(info_.name, "a read of " + need.to_string(),
                        "needs() to declare it");
    return quantities_.block(key);
  }

 private:
  /// Residuals that never arose (no curved layer) add up to zero, one zero that takes no memory; every other signal reaches
  /// every parameter.
  Tensor without_residuals(const Need& need) const {
    if (!(need.signal == SignalKey::hessian_residuals()))
      throw ComputeError(info_.name, "no value of " + need.to_string(),
                         "one: a parameter that the loss depends on");
    auto shape = info_.shape;
    if (need.what == Need::What::sample_squares) shape.insert(shape.begin(), count_.samples);
    return at::zeros({}, value_.options().requires_grad(false)).expand(shape);
  }

  const ParameterInfo& info_;
  const Tensor value_;
  SampleCount count_;
  const ParameterQuantities& quantities_;
  const std::set<Need>& declared_;
  const std::string& extension_;
};

/// The same error, of the same kind, at a place that says more.
[[noreturn]] void throw_again(const Error& error, const std::string& where) {
  switch (error.code()) {
    case ExitCode::usage: throw UsageError(where, error.found(), error.wanted(), error.nearest());
    case ExitCode::invalid_config: throw ConfigError(where, error.found(), error.wanted(), error.nearest());
    case ExitCode::plugin_problem: throw PluginError(where, error.found(), error.wanted(), error.nearest());
    case ExitCode::data_missing: throw DataError(where, error.found(), error.wanted(), error.nearest());
    default: throw ComputeError(where, error.found(), error.wanted(), error.nearest());
  }
}

/// What whoever takes the results threw: not the extension's fault.
struct FromSink {
  std::exception_ptr error;
};

/// Names the values of one extension and hands them on.
class NamedResults final : public Results {
 public:
  /// `grad` is a buffer that the next pass overwrites; everything else is fresh in each pass.
  NamedResults(const std::string& name, const ResultSink& sink, Tensor grad) : name_(name), sink_(sink), grad_(std::move(grad)) {}

  void put(const ParameterVisit& visit, Tensor value) override { hand_on(visit, {{std::move(value)}, false}); }
  void put(const ParameterVisit& visit, TensorList values) override { hand_on(visit, {std::move(values), true}); }
  void put(const std::string& name, Tensor value) override {
    give(name_ + "." + name, "", {{std::move(value)}, false});
  }

 private:
  void hand_on(const ParameterVisit& visit, ResultValue value) {
    for (auto& tensor : value.tensors) {
      if (grad_.defined() && tensor.defined() && tensor.is_alias_of(grad_)) tensor = tensor.clone();
    }
    give(name_, visit.info().name, std::move(value));
  }
  void give(const std::string& name, const std::string& parameter, ResultValue value) {
    for (const auto& tensor : value.tensors)
      if (!tensor.defined()) throw PluginError("`" + name + "`", "an undefined tensor", "values");
    if (!sink_) return;
    try {
      sink_(name, parameter, std::move(value));
    } catch (...) {
      throw FromSink{std::current_exception()};
    }
  }
  const std::string& name_;
  const ResultSink& sink_;
  const Tensor grad_;
};

}  // namespace

Visits::Visits(const WalkPlan& plan, const std::vector<ParameterInfo>& infos, const Network& network, const PassInfo& info,
               int64_t samples, const ResultSink& sink)
    : plan_(plan), infos_(infos), network_(network), info_(info), samples_(samples), sink_(sink) {}

template <typename Function>
void Visits::guarded(std::size_t extension, const std::string& phase, Function function) const {
  const auto where = [&] {
    return "extension `" + plan_.extensions[extension].name + "` in " + phase + ", step " + std::to_string(info_.step);
  };
  try {
    function();
  } catch (const FromSink& of_host) {
    std::rethrow_exception(of_host.error);
  } catch (const Error& error) {
    throw_again(error, where() + (error.where().empty() ? "" : ": " + error.where()));
  } catch (const c10::Error& error) {
    throw PluginError(where(), error.what_without_backtrace());
  } catch (const std::exception& error) {
    throw PluginError(where(), error.what());
  } catch (...) {
    throw PluginError(where(), "something thrown that is no exception", "std::exception");
  }
}

void Visits::begin() {
  for (std::size_t e = 0; e < plan_.extensions.size(); ++e)
    guarded(e, "begin_pass", [&] { plan_.extensions[e].extension->begin_pass(info_); });
}

void Visits::give_vectors(const std::vector<Tensor>& gradients, std::vector<ParameterQuantities>& quantities) {
  for (std::size_t e = 0; e < plan_.extensions.size(); ++e)
    for (std::size_t p = 0; p < infos_.size(); ++p)
      for (const auto& need : plan_.needs_of_extension[e]) {
        if (!plan_.visits[e][p] || need.what != Need::What::product || quantities[p].has_vectors(need.vectors)) continue;
        if (need.vectors == kGradientVectors) quantities[p].set_vectors(need.vectors, gradients[p]);
        else guarded(e, "vectors", [&] { quantities[p].set_vectors(need.vectors, vectors_of(e, p, need.vectors)); });
      }
}

/// What the extension gives, if it has the right shape.
Tensor Visits::vectors_of(std::size_t e, std::size_t p, const std::string& name) const {
  const auto found = plan_.extensions[e].extension->vectors(infos_[p], name);
  if (found.defined() && found.dim() > 0 && found.sizes().slice(1) == at::IntArrayRef(infos_[p].shape)) return found;
  std::ostringstream was, wanted;
  if (found.defined()) was << "vectors `" << name << "` of shape " << found.sizes();
  else was << "no vectors `" << name << "`";
  wanted << "[K, *p] with *p = " << at::IntArrayRef(infos_[p].shape);
  throw PluginError(infos_[p].name, was.str(), wanted.str());
}

void Visits::visit(std::size_t p, const ParameterQuantities& quantities, bool blocks_given) {
  for (std::size_t e = 0; e < plan_.extensions.size(); ++e)
    if (plan_.visits[e][p] && !(blocks_given && plan_.in_blocks[e][p])) visit_one(e, p, quantities, samples_);
}

void Visits::visit_block(std::size_t p, const BlockGroup& group, const ParameterQuantities& quantities, int64_t samples) {
  for (const auto e : group.extensions) visit_one(e, p, quantities, samples);
}

void Visits::visit_one(std::size_t e, std::size_t p, const ParameterQuantities& quantities, int64_t samples) {
  const auto& instance = plan_.extensions[e];
  const Visit view(infos_[p], network_.parameter(infos_[p].name).value.detach(), {samples, info_.batch_size}, quantities,
                   plan_.needs_of_extension[e], instance.name);
  NamedResults results(instance.name, sink_, quantities.value({Need::What::sum, SignalKey::gradient()}));
  guarded(e, "visit of " + infos_[p].name, [&] { instance.extension->visit(view, results); });
}

void Visits::end() {
  for (std::size_t e = 0; e < plan_.extensions.size(); ++e) {
    NamedResults results(plan_.extensions[e].name, sink_, {});
    guarded(e, "end_pass", [&] { plan_.extensions[e].extension->end_pass(results); });
  }
}

}  // namespace backobs
