// SPDX-License-Identifier: MIT
#include <backobs/testing/checks.h>

#include <backobs/error.h>

#include <c10/util/Exception.h>

#include <algorithm>
#include <chrono>

namespace backobs::testing {
namespace {

/// Which plugin it is stands above all checks.
std::string without_where(const Error& error) {
  const std::string text = error.what(), head = error.where() + ": ";
  return text.rfind(head, 0) == 0 ? text.substr(head.size()) : text;
}

}  // namespace

const char* to_string(Check::Verdict verdict) {
  switch (verdict) {
    case Check::Verdict::kept: return "kept";
    case Check::Verdict::broken: return "broken";
    default: return "skipped";
  }
}

Broken::Broken(const std::string& found, const std::string& wanted)
    : std::runtime_error("found " + found + ", wanted " + wanted) {}
Broken::~Broken() = default;
Skipped::Skipped(const std::string& why) : std::runtime_error(why) {}
Skipped::~Skipped() = default;

void Checks::run(const std::string& name, const std::function<void()>& body) {
  if (listener_.begins) listener_.begins(name);
  const auto begin = std::chrono::steady_clock::now();
  Check check{name, Check::Verdict::kept, "", 0};
  try {
    body();
  } catch (const Skipped& e) {
    check.verdict = Check::Verdict::skipped;
    check.detail = e.what();
  } catch (const Broken& e) {
    check = {name, Check::Verdict::broken, e.what(), 0};
  } catch (const Error& e) {
    check = {name, Check::Verdict::broken, without_where(e), 0};
  } catch (const c10::Error& e) {
    check = {name, Check::Verdict::broken, std::string("threw `") + e.what_without_backtrace() + "`", 0};
  } catch (const std::exception& e) {
    check = {name, Check::Verdict::broken, std::string("threw `") + e.what() + "`", 0};
  } catch (...) {
    check = {name, Check::Verdict::broken, "threw something that is no exception", 0};
  }
  check.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  checks_.push_back(check);
  if (listener_.ended) listener_.ended(check);
}

bool Checks::ok() const {
  const auto count = [&](Check::Verdict verdict) {
    return std::count_if(checks_.begin(), checks_.end(), [&](const Check& c) { return c.verdict == verdict; });
  };
  return count(Check::Verdict::broken) == 0 && count(Check::Verdict::kept) > 0;
}

std::string Checks::text() const {
  std::string text;
  for (const Check& check : checks_)
    if (check.verdict == Check::Verdict::broken) text += check.name + ": " + check.detail + "\n";
  return text.empty() && !ok() ? "no check was run" : text;
}

}  // namespace backobs::testing
