// SPDX-License-Identifier: MIT
#include "campaign/attribution.h"

#include <backobs/error.h>

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <exception>
#include <utility>

namespace backobs {
namespace {

Position own_position;
Position* current = &own_position;

template <std::size_t N>
void copy(char (&to)[N], const char* from) {
  std::strncpy(to, from, N - 1);
  to[N - 1] = '\0';
}

Position* map(int descriptor) {
  void* memory = ::mmap(nullptr, sizeof(Position), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  return memory == MAP_FAILED ? nullptr : static_cast<Position*>(memory);
}

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

std::string Position::text() const {
  std::string text = kind[0] ? std::string(kind) + " `" + name + "`, " + phase : "backobs itself";
  if (step >= 0) text += ", epoch " + std::to_string(epoch) + ", step " + std::to_string(step);
  return text;
}

Position& position() { return *current; }

SharedPosition::SharedPosition() : descriptor_(::memfd_create("backobs-position", MFD_CLOEXEC)) {
  if (descriptor_ < 0 || ::ftruncate(descriptor_, sizeof(Position)) != 0) return;  // then nobody can be blamed
  shared_ = map(descriptor_);
  if (shared_) *shared_ = Position{};
}

SharedPosition::~SharedPosition() {
  if (shared_) ::munmap(shared_, sizeof(Position));
  if (descriptor_ >= 0) ::close(descriptor_);
}

Position SharedPosition::read() const {
  Position copy_of = shared_ ? *shared_ : Position{};
  copy_of.kind[sizeof copy_of.kind - 1] = copy_of.name[sizeof copy_of.name - 1] =
      copy_of.phase[sizeof copy_of.phase - 1] = '\0';
  return copy_of;
}

void share_position(int descriptor) {
  if (Position* shared = map(descriptor)) {
    *shared = *current;
    current = shared;
  }
}

AtWork::AtWork(const char* kind, const std::string& name, const char* phase)
    : before_(*current), exceptions_(std::uncaught_exceptions()) {
  copy(current->kind, kind);
  copy(current->name, name.c_str());
  copy(current->phase, phase);
  ++current->beats;
}

AtWork::~AtWork() {
  if (std::uncaught_exceptions() > exceptions_) return;
  std::memcpy(current->kind, before_.kind, sizeof before_.kind);
  std::memcpy(current->name, before_.name, sizeof before_.name);
  std::memcpy(current->phase, before_.phase, sizeof before_.phase);
  ++current->beats;
}

std::shared_ptr<Extension> attributed(const std::string& name, std::shared_ptr<Extension> extension) {
  return std::make_shared<AttributedExtension>(name, std::move(extension));
}

}  // namespace backobs
