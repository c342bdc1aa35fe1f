// SPDX-License-Identifier: MIT
#include "testing/verify.h"

#include "campaign/safe_file.h"
#include "cli/print.h"
#include "cli/terminal.h"
#include "cli/verbs.h"

#include <algorithm>
#include <cstdio>
#include <memory>

namespace backobs {
namespace {

using testing::Check;

struct VerifyOptions {
  testing::VerifySettings settings;
  int64_t timeout_s = 300;
  std::filesystem::path junit;
  bool json = false;
};

int64_t count(const std::vector<Check>& checks, Check::Verdict verdict) {
  return std::count_if(checks.begin(), checks.end(), [&](const Check& c) { return c.verdict == verdict; });
}

std::string seconds(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3f", value);
  return text;
}

std::string summary(const std::vector<Check>& checks) {
  return std::to_string(checks.size()) + " checks: " + std::to_string(count(checks, Check::Verdict::kept)) + " kept, " +
         std::to_string(count(checks, Check::Verdict::broken)) + " broken, " +
         std::to_string(count(checks, Check::Verdict::skipped)) + " skipped";
}

void verify_text(const std::vector<Check>& checks) {
  const Paint paint(stdout);
  for (const Check& check : checks) {
    const std::string verdict = testing::to_string(check.verdict);
    const bool broken = check.verdict == Check::Verdict::broken;
    print((broken ? paint.red(verdict) : verdict) + std::string(9 - verdict.size(), ' ') + check.name + "\n");
    if (!check.detail.empty()) print("         " + check.detail + "\n");
  }
  print(summary(checks) + "\n");
}

nlohmann::ordered_json verify_json(const VerifyOptions& options, const std::vector<Check>& checks) {
  auto list = nlohmann::ordered_json::array();
  for (const Check& check : checks)
    list.push_back({{"name", check.name},
                    {"verdict", testing::to_string(check.verdict)},
                    {"detail", check.detail},
                    {"seconds", check.seconds}});
  return {{"file", options.settings.file.string()}, {"strictness", options.settings.strictness},
          {"seed", options.settings.seed},          {"ok", testing::is_kept(checks)},
          {"checks", list}};
}

/// Text of an XML attribute. Control characters have no place in XML.
std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '&') result += "&amp;";
    else if (c == '<') result += "&lt;";
    else if (c == '>') result += "&gt;";
    else if (c == '"') result += "&quot;";
    else result += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return result;
}

std::string junit_case(const Check& check, const std::string& plugin) {
  std::string text = "  <testcase classname=\"" + plugin + "\" name=\"" + escaped(check.name) + "\" time=\"" + seconds(check.seconds) + "\"";
  if (check.verdict == Check::Verdict::kept) return text + "/>\n";
  const bool broken = check.verdict == Check::Verdict::broken;
  return text + "><" + (broken ? "failure" : "skipped") + " message=\"" + escaped(check.detail) + "\"/></testcase>\n";
}

/// The form that CI systems read.
std::string junit_text(const VerifyOptions& options, const std::vector<Check>& checks) {
  double time = 0;
  for (const Check& check : checks) time += check.seconds;
  const std::string plugin = escaped(options.settings.file.stem().string());
  std::string text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"" + plugin + "\" tests=\"" +
                     std::to_string(checks.size()) + "\" failures=\"" +
                     std::to_string(count(checks, Check::Verdict::broken)) + "\" skipped=\"" +
                     std::to_string(count(checks, Check::Verdict::skipped)) + "\" time=\"" + seconds(time) + "\">\n";
  for (const Check& check : checks) text += junit_case(check, plugin);
  return text + "</testsuite>\n";
}

ExitCode verify(Context& context, VerifyOptions& options) {
  auto& settings = options.settings;
  std::error_code ignored;
  if (!std::filesystem::exists(settings.file, ignored))
    throw UsageError("backobs verify", "`" + settings.file.string() + "`", "a file that exists");
  settings.file = std::filesystem::absolute(settings.file).lexically_normal();
  settings.seed = context.flags.seed.value_or(settings.seed);
  settings.threads = context.flags.thread_count();
  settings.timeout = std::chrono::seconds(options.timeout_s);
  const auto checks = testing::verify(settings);
  options.json ? print(verify_json(options, checks)) : verify_text(checks);
  if (!options.junit.empty()) write_file(options.junit, junit_text(options, checks));
  return testing::is_kept(checks) ? ExitCode::done : ExitCode::plugin_problem;
}

}  // namespace

void add_verify(CLI::App& app, Context& context) {
  auto options = std::make_shared<VerifyOptions>();
  CLI::App& verb = add_verb(app, context, "verify", "Check in another process that a plugin keeps the contract of its kind",
                            [&context, options] { return verify(context, *options); });
  verb.add_option("file", options->settings.file, "plugin (.so)")->required()->type_name("FILE");
  verb.add_option("--strictness", options->settings.strictness, "1 (a second) to 10 (all that is known)")
      ->check(CLI::Range(1, 10))
      ->type_name("N");
  verb.add_option("--timeout", options->timeout_s, "seconds for all checks together (300)")
      ->check(CLI::Range(1, 1000000))
      ->type_name("S");
  verb.add_option("--junit", options->junit, "also write a JUnit report")->type_name("FILE");
  verb.add_flag("--json", options->json, "print one object");
}

}  // namespace backobs
