// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>
#include <backobs/options.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

/// What `backobs verify` and a plugin's own test have in common: a contract is a list of checks with names, each kept,
/// broken or skipped. No test framework is needed; with GoogleTest:
///
///     const auto checks = testing::check_extension(factory, {}, reference);
///     EXPECT_TRUE(checks.ok()) << checks.text();
namespace backobs::testing {

/// One thing that a plugin has to keep to, and how it went.
struct Check {
  enum class Verdict { kept, broken, skipped };
  std::string name;  ///< "two dense layers: finite"
  Verdict verdict = Verdict::kept;
  std::string detail;  ///< why it is broken (found …, wanted …) or skipped
  double seconds = 0;
};
BACKOBS_API const char* to_string(Check::Verdict verdict);

/// Thrown inside a check: the contract is broken.
struct BACKOBS_API Broken : std::runtime_error {
  Broken(const std::string& found, const std::string& wanted);
  ~Broken() override;
};
/// Thrown inside a check: it has no meaning here.
struct BACKOBS_API Skipped : std::runtime_error {
  explicit Skipped(const std::string& why);
  ~Skipped() override;
};

/// The checks that have been run, in their order.
class BACKOBS_API Checks {
 public:
  /// Told before and after each check, so that the one at which a process ends is known.
  struct Listener {
    std::function<void(const std::string& name)> begins;
    std::function<void(const Check&)> ended;
  };
  explicit Checks(Listener listener = {}) : listener_(std::move(listener)) {}

  /// Runs `body`; whatever it throws, but Skipped, breaks the check.
  void run(const std::string& name, const std::function<void()>& body);

  const std::vector<Check>& all() const { return checks_; }
  /// Whether none is broken, and one at least is kept.
  bool ok() const;
  /// The broken ones, one line each.
  std::string text() const;

 private:
  Listener listener_;
  std::vector<Check> checks_;
};

/// How a plugin's instances are made: what it declares, and its constructor.
///
///     Factory<Extension>{GradBatch::schema(), [](const Options& o) { return std::make_unique<GradBatch>(o); }}
template <typename T>
struct Factory {
  Schema schema;
  std::function<std::unique_ptr<T>(const Options&)> make;
};

/// How thorough, and which draws. 1 takes a second, 10 a minute; each level has all checks of the levels below.
struct ContractSettings {
  int strictness = 5;  ///< 1 to 10
  uint64_t seed = 42;
  Checks::Listener listener = {};
};

}  // namespace backobs::testing
