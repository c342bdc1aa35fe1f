// SPDX-License-Identifier: MIT
#include <backobs/error.h>
#include <backobs/testing/plugin.h>

#include "files/comma_list.h"
#include "host/library.h"

namespace backobs::testing {
namespace {

PluginFile checked(const std::filesystem::path& file) {
  backobs::PluginFile plugin{read_manifest(file), file};
  const auto differences = mismatches(plugin.manifest);
  if (!differences.empty()) throw PluginError(file.string(), comma_list(differences, "; "));
  return plugin;
}

}  // namespace

struct Plugin::Impl {
  explicit Impl(const std::filesystem::path& path) : file(checked(path)), library(PluginLibrary::open(file)) {
    if (file.manifest.kind == "layer") library.offer_rule();
  }

  /// Options for a factory of `kind`.
  Options options(const std::string& kind, const std::map<std::string, std::string>& given) const {
    require(kind);
    std::map<std::string, RawValue> raw;
    for (const auto& [name, text] : given) raw[name] = {{text}, false, false, "test"};
    return library.schema().check(raw, label(), "test");
  }

  template <typename T>
  Factory<T> factory(const std::string& kind, std::unique_ptr<T> (PluginLibrary::*make)(const Options&) const) const {
    require(kind);
    return {library.schema(), [&opened = library, make](const Options& options) { return (opened.*make)(options); }};
  }
  std::string label() const { return file.manifest.kind + " `" + file.manifest.name + "`"; }
  void require(const std::string& kind) const {
    if (file.manifest.kind != kind) throw PluginError(file.file.string(), label(), "a plugin of kind " + kind);
  }

  PluginFile file;
  const PluginLibrary& library;
};

Plugin::Plugin(const std::filesystem::path& file) : impl_(std::make_unique<Impl>(file)) {}
Plugin::~Plugin() = default;

const std::string& Plugin::kind() const { return impl_->file.manifest.kind; }
const std::string& Plugin::name() const { return impl_->file.manifest.name; }
Schema Plugin::schema() const { return impl_->library.schema(); }

std::unique_ptr<Problem> Plugin::make_problem(const std::map<std::string, std::string>& options) const {
  return impl_->library.make_problem(impl_->options("problem", options));
}
std::unique_ptr<Extension> Plugin::make_extension(const std::map<std::string, std::string>& options) const {
  return impl_->library.make_extension(impl_->options("extension", options));
}
std::unique_ptr<Runner> Plugin::make_runner(const std::map<std::string, std::string>& options) const {
  return impl_->library.make_runner(impl_->options("runner", options));
}

Factory<Problem> Plugin::problem_factory() const { return impl_->factory("problem", &PluginLibrary::make_problem); }
Factory<Extension> Plugin::extension_factory() const { return impl_->factory("extension", &PluginLibrary::make_extension); }
Factory<Runner> Plugin::runner_factory() const { return impl_->factory("runner", &PluginLibrary::make_runner); }

}  // namespace backobs::testing
