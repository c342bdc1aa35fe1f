// SPDX-License-Identifier: MIT
#include "testing/verify.h"

#include <backobs/error.h>
#include <backobs/testing/extension_contract.h>
#include <backobs/testing/problem_contract.h>
#include <backobs/testing/runner_contract.h>

#include "files/comma_list.h"
#include "host/answers.h"
#include "host/child_process.h"
#include "host/library.h"
#include "host/threads.h"
#include "host/trust.h"
#include "testing/layer_plugin.h"


#include <poll.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdlib>

namespace backobs::testing {
namespace {

using Clock = std::chrono::steady_clock;
using Verdict = Check::Verdict;

// ---- the parent

/// "kept 0.013 NAME<tab>DETAIL", as the other process says it.
Check read_check(const std::string& line) {
  const std::size_t first = line.find(' '), second = line.find(' ', first + 1), tab = line.find('\t', second);
  if (tab == std::string::npos) return {"answers", Verdict::broken, "found an answer nobody asked for", 0};
  Check check;
  const std::string verdict = line.substr(0, first);
  check.verdict = verdict == "kept" ? Verdict::kept : verdict == "skipped" ? Verdict::skipped : Verdict::broken;
  check.seconds = std::strtod(line.c_str() + first, nullptr);
  check.name = line.substr(second + 1, tab - second - 1);
  check.detail = line.substr(tab + 1);
  return check;
}

/// Listens to the process that runs the plugin's code until it is through, or ends, or takes too long.
class Supervision {
 public:
  explicit Supervision(const VerifySettings& settings)
      : process_({kVerifyVerb, std::to_string(pipe_.write_end()), std::to_string(::getpid()), settings.file.string(),
                  std::to_string(settings.strictness), std::to_string(settings.seed), std::to_string(settings.threads)},
                 {pipe_.write_end()}),
        timeout_(settings.timeout) {
    pipe_.close_write_end();
  }

  void collect(std::vector<Check>& checks) {
    while (true) {
      const bool has_ended = process_.end().has_value();
      process_.lines();
      for (const auto& line : pipe_.lines()) take(line, checks);
      if (is_done_) return;
      if (has_ended) return blame(how_it_ended(), checks);
      if (Clock::now() - begin_ > timeout_)
        return blame("no end of all checks within " + std::to_string(timeout_.count()) + " s", checks);
      pollfd watched{pipe_.read_end(), POLLIN, 0};
      ::poll(&watched, 1, 50);
      if (watched.revents & POLLHUP) ::usleep(2000);
    }
  }

 private:
  void take(const std::string& line, std::vector<Check>& checks) {
    if (line == "done") {
      is_done_ = true;
    } else if (line.rfind("begin ", 0) == 0) {
      at_work_ = line.substr(6);
      work_began_ = Clock::now();
    } else {
      checks.push_back(read_check(line));
    }
  }
  std::string how_it_ended() {
    const ChildEnd end = *process_.end();
    return end.signal ? "a crash (" + end.text() + ")" : "a call of exit(" + std::to_string(end.exit_code) + ")";
  }
  void blame(const std::string& found, std::vector<Check>& checks) const {
    checks.push_back({at_work_, Verdict::broken, "found " + found + ", wanted an answer",
                      std::chrono::duration<double>(Clock::now() - work_began_).count()});
  }

  AnswerPipe pipe_;
  ChildProcess process_;
  std::chrono::seconds timeout_;
  Clock::time_point begin_ = Clock::now(), work_began_ = begin_;
  std::string at_work_ = "start";
  bool is_done_ = false;
};

// ---- the other process

template <typename T, typename Make>
Factory<T> factory_of(const PluginLibrary& library, Make make) {
  return {library.schema(), [&library, make](const Options& options) { return (library.*make)(options); }};
}

void check_kind(const PluginFile& plugin, const PluginLibrary& library, const ContractSettings& settings) {
  const auto& [kind, name] = std::pair(plugin.manifest.kind, plugin.manifest.name);
  if (kind == "extension")
    check_extension(factory_of<Extension>(library, &PluginLibrary::make_extension), settings, reference_of(name));
  else if (kind == "problem")
    check_problem(factory_of<Problem>(library, &PluginLibrary::make_problem), settings);
  else if (kind == "runner")
    check_runner(factory_of<Runner>(library, &PluginLibrary::make_runner), settings);
  else
    check_layer_plugin(library, settings);
}

Checks::Listener answers_to(int pipe) {
  return {[pipe](const std::string& name) { answer(pipe, "begin " + name); },
          [pipe](const Check& check) {
            std::string name = check.name;
            std::replace(name.begin(), name.end(), '\t', ' ');
            answer(pipe, std::string(to_string(check.verdict)) + " " + std::to_string(check.seconds) + " " + name + "\t" + check.detail);
          }};
}

}  // namespace

std::vector<Check> verify(const VerifySettings& settings) {
  Checks own;
  Manifest manifest;
  own.run("file", [&] {
    if (const auto reason = distrust(settings.file)) throw Broken(*reason, "a file that can be trusted");
  });
  own.run("manifest", [&] { manifest = read_manifest(settings.file); });
  if (own.ok()) own.run("host", [&] {
      const auto differences = mismatches(manifest);
      if (!differences.empty()) throw PluginError("", comma_list(differences, "; "));
    });
  auto checks = own.all();
  if (is_kept(checks)) Supervision(settings).collect(checks);
  return checks;
}

bool is_kept(const std::vector<Check>& checks) {
  return std::none_of(checks.begin(), checks.end(), [](const Check& check) { return check.verdict == Verdict::broken; });
}

int verify_here(const std::vector<std::string>& arguments) {
  if (arguments.size() != 6) return static_cast<int>(ExitCode::usage);
  const int pipe = std::atoi(arguments[0].c_str());
  die_with_parent(static_cast<pid_t>(std::atoi(arguments[1].c_str())));
  ::fcntl(pipe, F_SETFD, FD_CLOEXEC);
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  use_threads(std::atoi(arguments[5].c_str()));
  WatchedStdout output;
  ContractSettings settings{std::atoi(arguments[3].c_str()), std::strtoull(arguments[4].c_str(), nullptr, 10), answers_to(pipe)};
  const PluginFile plugin{read_manifest(arguments[2]), arguments[2]};
  const PluginLibrary* library = nullptr;
  Checks checks(settings.listener);
  checks.run("load", [&] { library = &PluginLibrary::open(plugin); });
  if (library) checks.run("schema", [&] { library->schema(); });
  if (checks.ok()) check_kind(plugin, *library, settings);
  checks.run("stdout", [&] {
    if (const auto bytes = output.written(); bytes > 0) throw Broken(std::to_string(bytes) + " bytes written to stdout", "none");
  });
  answer(pipe, "done");
  ::_exit(0);
}

}  // namespace backobs::testing
