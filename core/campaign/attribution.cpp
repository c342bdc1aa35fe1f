// SPDX-License-Identifier: MIT
#include "campaign/attribution.h"

#include <utility>

namespace backobs {
namespace {

class AttributedExtension final : public Extension {
 public:
  AttributedExtension(std::string name, std::shared_ptr<Extension> inner)
      : name_(std::move(name)), inner_(std::move(inner)) {}

  std::vector<Need> needs() const override {
    return at("needs", [&] { return inner_->needs(); });
  }
  std::optional<std::string> refuses(const ParameterInfo& info) const override {
    return at("refuses", [&] { return inner_->refuses(info); });
  }
  void prepare(const ProblemInfo& info) override {
    at("prepare", [&] { inner_->prepare(info); });
  }
  void begin_pass(const PassInfo& info) override {
    at("begin_pass", [&] { inner_->begin_pass(info); });
  }
  Tensor vectors(const ParameterInfo& info, const std::string& name) override {
    return at("vectors", [&] { return inner_->vectors(info, name); });
  }
  void visit(const ParameterVisit& parameter, Results& results) override {
    at("visit", [&] { inner_->visit(parameter, results); });
  }
  void end_pass(Results& results) override {
    at("end_pass", [&] { inner_->end_pass(results); });
  }
  void save_state(State& state) const override {
    at("save_state", [&] { inner_->save_state(state); });
  }
  void load_state(const State& state) override {
    at("load_state", [&] { inner_->load_state(state); });
  }

 private:
  template <typename Call>
  auto at(const char* phase, Call call) const -> decltype(call()) {
    const AtWork mark("extension", name_, phase);
    return call();
  }

  std::string name_;
  std::shared_ptr<Extension> inner_;
};

}  // namespace

std::shared_ptr<Extension> attributed(const std::string& name, std::shared_ptr<Extension> extension) {
  return std::make_shared<AttributedExtension>(name, std::move(extension));
}

}  // namespace backobs
