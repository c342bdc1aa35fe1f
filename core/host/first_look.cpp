// SPDX-License-Identifier: MIT
#include "host/first_look.h"

#include <backobs/error.h>

#include "host/answers.h"
#include "host/child_process.h"
#include "host/library.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace backobs {
namespace {

using Clock = std::chrono::steady_clock;

std::string seconds_text(std::chrono::milliseconds time) {
  std::string text = std::to_string(static_cast<double>(time.count()) / 1000);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text + " s";
}

std::string how_it_ended(const ChildEnd& end) {
  if (end.signal) return "a crash while it was loaded (" + end.text() + ")";
  return "a call of exit(" + std::to_string(end.exit_code) + ") while it was loaded";
}

/// One process and the files it is to look at.
class Look {
 public:
  Look(const std::vector<std::filesystem::path>& files, std::size_t first, const LookLimits& limits)
      : limits_(limits), process_(arguments(files, first), {pipe_.write_end()}), first_(first) {
    pipe_.close_write_end();
  }

  /// Until it has looked at all, or ended, or stood still. Fills `looked`; the number of the next file to look at.
  std::size_t watch(std::vector<Looked>& looked) {
    looked_ = &looked;
    next_ = first_;
    while (next_ < looked.size()) {
      const bool has_ended = process_.end().has_value();  // asked for before the last lines are read
      process_.lines();                                   // what it prints before it begins is of no interest
      for (const auto& line : pipe_.lines()) take(line);
      if (next_ == looked.size()) break;
      if (has_ended) return conclude(how_it_ended(*process_.end()));
      if (Clock::now() > deadline_) return conclude("a load that lasts longer than " + seconds_text(limits_.per_file));
      wait();
    }
    return next_;
  }

 private:
  std::vector<std::string> arguments(const std::vector<std::filesystem::path>& files, std::size_t first) const {
    std::vector<std::string> all = {kLookVerb, std::to_string(pipe_.write_end()), std::to_string(::getpid())};
    for (std::size_t i = first; i < files.size(); ++i) all.push_back(files[i].string());
    return all;
  }
  /// "begin", or "sound", or "refused REASON", or "quarantined REASON".
  void take(const std::string& line) {
    const std::size_t space = std::min(line.find(' '), line.size());
    const std::string word = line.substr(0, space), reason = space < line.size() ? line.substr(space + 1) : "";
    deadline_ = Clock::now() + limits_.per_file;
    began_ = word == "begin";
    if (began_ || next_ >= looked_->size()) return;
    const auto kind = word == "sound" ? Verdict::Kind::sound
                                      : word == "refused" ? Verdict::Kind::refused : Verdict::Kind::quarantined;
    (*looked_)[next_++].verdict = Verdict{kind, reason};
  }
  /// The file at hand is to blame, if it was begun; else the process itself failed, and no file can be judged.
  std::size_t conclude(const std::string& found) {
    if (began_) {
      (*looked_)[next_].verdict =
          Verdict{Verdict::Kind::quarantined, "found " + found + ", wanted a library that only answers questions"};
      return next_ + 1;
    }
    if (next_ > first_) return next_;  // it had come this far: another one may go on
    for (; next_ < looked_->size(); ++next_)
      (*looked_)[next_].failure = "could not be examined: found " + found + " before any file was loaded";
    return next_;
  }
  void wait() const {
    pollfd watched[] = {{pipe_.read_end(), POLLIN, 0}, {process_.output(), POLLIN, 0}};
    // A closed pipe is always ready: then a short sleep lets the system report the end of the process.
    ::poll(watched, 2, 50);
    if ((watched[0].revents | watched[1].revents) & POLLHUP) ::usleep(2000);
  }

  LookLimits limits_;
  AnswerPipe pipe_;
  ChildProcess process_;
  std::vector<Looked>* looked_ = nullptr;
  std::size_t first_, next_ = 0;
  bool began_ = false;
  Clock::time_point deadline_ = Clock::now() + 10 * limits_.per_file;
};

/// What a plugin may use up while it is loaded: no core file, and no endless output.
void set_limits() {
  const rlimit no_core{0, 0}, some_output{rlim_t{1} << 20, rlim_t{1} << 20};
  ::setrlimit(RLIMIT_CORE, &no_core);
  ::setrlimit(RLIMIT_FSIZE, &some_output);
}

std::string without_head(const Error& error, const std::string& head) {
  const std::string text = error.what();
  return text.compare(0, head.size(), head) == 0 ? text.substr(head.size()) : text;
}

/// What loading the file and asking it for its schema gives: empty, or what is wrong.
std::string load(const std::filesystem::path& file) {
  PluginFile plugin{read_manifest(file), file};
  try {
    PluginLibrary::open(plugin).schema();
  } catch (const Error& e) {
    return without_head(e, e.where() + ": ");
  }
  return "";
}

std::string judge(const std::filesystem::path& file, WatchedStdout& output) {
  std::string wrong;
  try {
    wrong = load(file);
  } catch (const std::exception& e) {
    wrong = e.what();
  }
  if (const auto bytes = output.written(); bytes > 0)
    return "quarantined found " + std::to_string(bytes) +
           " bytes written to stdout while it was loaded, wanted none: results go there";
  return wrong.empty() ? "sound" : "refused " + wrong;
}

}  // namespace

LookLimits LookLimits::from_environment() {
  LookLimits limits;
  const char* text = std::getenv("BACKOBS_PLUGIN_TIMEOUT");
  if (!text) return limits;
  char* end = nullptr;
  const double seconds = std::strtod(text, &end);
  if (end == text || *end || !(seconds > 0 && seconds < 1e6))
    throw UsageError("BACKOBS_PLUGIN_TIMEOUT", "`" + std::string(text) + "`", "seconds, more than 0 and less than 1000000");
  limits.per_file = std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000));
  return limits;
}

std::vector<Looked> look_at(const std::vector<std::filesystem::path>& files, const LookLimits& limits) {
  std::vector<Looked> looked(files.size());
  for (std::size_t next = 0; next < files.size();) try {
      next = Look(files, next, limits).watch(looked);
    } catch (const Error& e) {  // no process can be started
      for (; next < files.size(); ++next) looked[next].failure = std::string("could not be examined: ") + e.what();
    }
  return looked;
}

int examine(const std::vector<std::string>& arguments) {
  if (arguments.size() < 2) return static_cast<int>(ExitCode::usage);
  const int answers = std::atoi(arguments[0].c_str());
  die_with_parent(static_cast<pid_t>(std::atoi(arguments[1].c_str())));
  ::fcntl(answers, F_SETFD, FD_CLOEXEC);
  set_limits();
  WatchedStdout output;
  for (std::size_t i = 2; i < arguments.size(); ++i) {
    answer(answers, "begin");
    answer(answers, judge(arguments[i], output));
  }
  ::_exit(0);  // what a plugin registered for the end is not our concern
}

std::vector<Objection> objections(const std::vector<std::filesystem::path>& files) {
  Verdicts verdicts = Verdicts::of_user();
  std::vector<Objection> result(files.size());
  std::vector<std::filesystem::path> unknown;
  std::vector<std::pair<std::size_t, FileIdentity>> places;
  const auto object = [&](std::size_t i, const Verdict& verdict) {
    if (verdict.kind != Verdict::Kind::sound) result[i] = {verdict.reason, verdict.kind == Verdict::Kind::quarantined};
  };
  for (std::size_t i = 0; i < files.size(); ++i) try {
      const auto identity = identity_of(files[i]);
      if (const auto known = verdicts.find(identity)) {
        object(i, *known);
        continue;
      }
      unknown.push_back(files[i]);
      places.emplace_back(i, identity);
    } catch (const Error& e) {  // it went away since it was found
      result[i].reason = e.what();
    }
  const auto looked = look_at(unknown, LookLimits::from_environment());
  for (std::size_t k = 0; k < looked.size(); ++k) {
    const auto& [i, identity] = places[k];
    result[i].reason = looked[k].failure;
    if (!looked[k].verdict) continue;
    object(i, *looked[k].verdict);
    verdicts.remember(identity, *looked[k].verdict);
  }
  verdicts.save();
  return result;
}

}  // namespace backobs
