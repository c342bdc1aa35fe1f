// SPDX-License-Identifier: MIT
#include <backobs/abi.h>
#include <backobs/log.h>

#include "cli/plugin_kind.h"
#include "cli/print.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "files/printable.h"
#include "host/first_look.h"
#include "host/machine.h"
#include "host/openblas.h"

#include <ATen/Parallel.h>

#include <memory>
#include <thread>

namespace backobs {
namespace {

using nlohmann::ordered_json;
using Rows = std::vector<std::vector<std::string>>;

/// What to do about a refused file or folder, from the beginning of the reason.
std::string advice(const Refused& refused) {
  const auto begins = [&](const char* head) { return refused.reason.rfind(head, 0) == 0; };
  const std::string file = refused.file.string();
  if (refused.quarantined) return "repair or remove it; it is looked at again after `backobs doctor --clear-quarantine " + file + "`";
  if (begins("cannot be loaded:")) return "install what is missing, or build it again";
  if (begins("could not be examined:")) return "start backobs again when the machine is less busy";
  if (begins("permissions:")) return "chmod o-w " + file + ", or set BACKOBS_TRUST_ALL_PLUGINS=1";
  if (begins("owner:")) return "take it over with chown, or set BACKOBS_TRUST_ALL_PLUGINS=1";
  if (begins("duplicate:")) return "remove one of the two";
  for (const char* field : {"interface:", "libtorch:", "sonames:", "compiler_abi:", "cxx11_abi:"})
    if (begins(field)) return "build it again with the headers and the LibTorch of this backobs";
  if (begins("found a truncated")) return "copy or build it again";
  if (refused.reason.find("wanted the file's stem") != std::string::npos) return "give the file the name of the plugin";
  if (begins("found ELF for machine")) return "build it on this machine";
  return "remove it from the folder, or replace it by a plugin";
}

int64_t found_in(const Registry& registry, const std::string& kind, const std::string& folder = "") {
  int64_t count = 0;
  for (const auto& plugin : registry.list(kind)) count += folder.empty() || plugin.file.parent_path() == folder;
  return count;
}

ordered_json folder_json(const Registry& registry, const std::string& folder) {
  ordered_json document = {{"path", folder}};
  for (const auto& kind : plugin_kinds()) document[kind + "s"] = found_in(registry, kind, folder);
  return document;
}

std::string found_text(const Registry& registry, const std::string& folder) {
  std::string text;
  for (const auto& kind : plugin_kinds()) {
    const int64_t count = found_in(registry, kind, folder);
    if (count) text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + kind + (count == 1 ? "" : "s");
  }
  return text.empty() ? "nothing new" : text;
}

ordered_json doctor_json(const Registry& registry, const Machine& machine) {
  ordered_json folders = ordered_json::array(), refused = ordered_json::array();
  for (const auto& folder : registry.folders()) folders.push_back(folder_json(registry, folder.string()));
  for (const auto& r : registry.refused())
    refused.push_back({{"file", r.file.string()}, {"reason", r.reason}, {"quarantined", r.quarantined}, {"advice", advice(r)}});
  return {{"backobs", BACKOBS_VERSION},
          {"libtorch",
           {{"version", BACKOBS_TORCH_VERSION}, {"sonames", BACKOBS_TORCH_SONAMES}, {"file", machine.torch_library}}},
          {"compiler", __VERSION__},
          {"compiler_abi", __GXX_ABI_VERSION},
          {"cxx11_abi", _GLIBCXX_USE_CXX11_ABI},
          {"blas",
           {{"libraries", machine.blas_libraries}, {"verdict", machine.blas_verdict}, {"kernels", openblas_kernels()}}},
          {"threads", at::get_num_threads()},
          {"hardware_threads", std::thread::hardware_concurrency()},
          {"cpu_capability", machine.cpu_capability},
          {"plugin_folders", folders},
          {"refused", refused}};
}

Rows machine_rows(const Machine& machine) {
  Rows rows = {
      {"backobs", BACKOBS_VERSION},
      {"LibTorch", BACKOBS_TORCH_VERSION " (" BACKOBS_TORCH_SONAMES ")"},
      {"", machine.torch_library},
      {"compiler", std::string(__VERSION__) + ", C++ ABI " + std::to_string(__GXX_ABI_VERSION)},
      {"CPU", machine.cpu_capability},
      {"threads", std::to_string(at::get_num_threads()) + " of " + std::to_string(std::thread::hardware_concurrency())},
      {"BLAS", machine.blas_verdict}};
  if (!openblas_kernels().empty()) rows.push_back({"", "kernels for " + openblas_kernels()});
  for (const auto& file : machine.blas_libraries) rows.push_back({"", file});
  return rows;
}

void doctor_text(const Registry& registry, const Machine& machine) {
  const Paint paint(stdout);
  print(table(machine_rows(machine)) + "\n" + paint.bold("plugin folders") + ", in the order they are searched\n");
  Rows folders;
  for (const auto& folder : registry.folders())
    folders.push_back({folder.string(), found_text(registry, folder.string())});
  print(folders.empty() ? "  none: see --plugin-path and BACKOBS_PLUGIN_PATH\n" : table(folders, "  "));
  if (registry.refused().empty()) return print("\nno plugin was refused\n");
  print("\n" + paint.bold("refused") + "\n");
  for (const auto& r : registry.refused())
    print("  " + printable_line(r.file.string()) + "\n    " + paint.red(printable_line(r.reason)) + "\n    advice: " +
          printable_line(advice(r)) + "\n");
}

struct DoctorOptions {
  bool json = false;
  CLI::Option* clear = nullptr;
  std::string cleared;  ///< the file to clear; empty: all
};

/// Whoever asks the doctor may have repaired what gave an error, so that is looked at anew. What crashed or hung waits
/// for a word.
void forget_refused() {
  Verdicts verdicts = Verdicts::of_user();
  verdicts.forget([](auto&, const Verdict& verdict) { return verdict.kind == Verdict::Kind::refused; });
  verdicts.save();
}

void clear_quarantine(const std::string& name) {
  const auto file = name.empty() ? std::filesystem::path() : std::filesystem::absolute(name).lexically_normal();
  Verdicts verdicts = Verdicts::of_user();
  const std::size_t count = verdicts.forget([&](const std::filesystem::path& known, const Verdict& verdict) {
    return verdict.kind == Verdict::Kind::quarantined && (name.empty() || known == file);
  });
  if (!name.empty() && count == 0) throw UsageError("--clear-quarantine", "`" + name + "`", "a file in quarantine");
  if (!verdicts.save()) throw PluginError("--clear-quarantine", "a cache folder that cannot be written");
  log::info(std::to_string(count) + (count == 1 ? " file was" : " files were") + " in quarantine and will be looked at again");
}

ExitCode doctor(Context& context, const DoctorOptions& options) {
  if (options.clear->count()) clear_quarantine(options.cleared);
  forget_refused();
  const Machine machine = inspect_machine();
  options.json ? print(doctor_json(context.registry(), machine)) : doctor_text(context.registry(), machine);
  return ExitCode::done;
}

}  // namespace

void add_doctor(CLI::App& app, Context& context) {
  auto options = std::make_shared<DoctorOptions>();
  CLI::App& verb =
      add_verb(app, context, "doctor", "Show what this installation computes with and which plugins it refuses",
               [&context, options] { return doctor(context, *options); }, {"--plugin-path", "--threads"});
  verb.add_flag("--json", options->json, "print one object");
  options->clear = verb.add_option("--clear-quarantine", options->cleared,
                                   "look again at FILE, or at all files that crashed, exited or hung while they were loaded")
                       ->expected(0, 1)
                       ->type_name("[FILE]");
}

}  // namespace backobs
