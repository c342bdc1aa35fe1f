// SPDX-License-Identifier: MIT
#include "host/checked_problem.h"

#include <backobs/error.h>

#include "host/at_work.h"

#include <utility>

namespace backobs {
namespace {

class AttributedData final : public DataSource {
 public:
  AttributedData(std::string problem, std::shared_ptr<const DataSource> inner)
      : problem_(std::move(problem)), inner_(std::move(inner)) {}

  std::vector<int64_t> order(Phase phase, const Random& random) const override {
    const AtWork mark("problem", problem_, "order");
    return inner_->order(phase, random);
  }
  Batch batch(Phase phase, const std::vector<int64_t>& indices, const Random& random) const override {
    const AtWork mark("problem", problem_, "batch");
    return inner_->batch(phase, indices, random);
  }
  bool drops_incomplete(Phase phase) const override {
    const AtWork mark("problem", problem_, "drops_incomplete");
    return inner_->drops_incomplete(phase);
  }

 private:
  std::string problem_;
  std::shared_ptr<const DataSource> inner_;
};

class CheckedProblem final : public Problem {
 public:
  CheckedProblem(std::string label, std::string name, std::unique_ptr<Problem> inner)
      : label_(std::move(label)), name_(std::move(name)), inner_(std::move(inner)) {}

  ProblemFacts facts() const override {
    return at("facts", [&] { return inner_->facts(); });
  }
  Network network(const Random& random) const override {
    return at("network", [&] {
      auto network = inner_->network(random);
      if (network.nodes().empty() || !network.nodes().back().rule)
        throw PluginError(label_, "a network without modules", "one at least");
      return network;
    });
  }
  std::shared_ptr<const LossRule> loss() const override {
    return at("loss", [&] { return required(inner_->loss(), "loss"); });
  }
  std::shared_ptr<const DataSource> data(const DataRequest& request) const override {
    auto data = at("data", [&] { return required(inner_->data(request), "data source"); });
    return std::make_shared<AttributedData>(name_, std::move(data));
  }
  bool is_regularised(const std::string& parameter) const override {
    return at("is_regularised", [&] { return inner_->is_regularised(parameter); });
  }

 private:
  template <typename Call>
  auto at(const char* phase, Call call) const -> decltype(call()) {
    const AtWork mark("problem", name_, phase);
    return call();
  }
  template <typename T>
  T required(T part, const char* what) const {
    if (!part) throw PluginError(label_, std::string("no ") + what, "one");
    return part;
  }
  std::string label_, name_;
  std::unique_ptr<Problem> inner_;
};

}  // namespace

std::unique_ptr<Problem> checked(const std::string& label, const std::string& name, std::unique_ptr<Problem> problem) {
  return std::make_unique<CheckedProblem>(label, name, std::move(problem));
}

}  // namespace backobs
