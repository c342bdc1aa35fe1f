// SPDX-License-Identifier: MIT
#include <backobs/abi.h>
#include <backobs/error.h>

#include "cli/command_line.h"
#include "cli/completion.h"
#include "cli/context.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "files/printable.h"
#include "host/at_work.h"
#include "host/first_look.h"
#include "host/page_keeper.h"
#include "testing/verify.h"

#include <c10/util/Exception.h>

#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <utility>
#include <vector>

namespace backobs {
namespace {

void add_verbs(CLI::App& app, Context& context) {
  add_run(app, context);
  add_plan(app, context);
  add_status(app, context);
  add_export(app, context);
  add_report(app, context);
  add_clean(app, context);
  add_schema(app, context);
  add_train(app, context);
  add_extend(app, context);
  add_bench(app, context);
  add_list(app, context);
  add_describe(app, context);
  add_data(app, context);
  add_new(app, context);
  add_doctor(app, context);
  add_completion(app, context);
  add_verify(app, context);
}

int failed(ExitCode code, const std::string& message) {
  const Paint paint(stderr);
  std::fflush(stdout);
  std::fprintf(stderr, "%s %s\n", paint.red("error:").c_str(), printable(message).c_str());
  return static_cast<int>(code);
}

/// Of what no part of backobs threw: a plugin's fault, if one was at work.
int failed_at_work(const std::string& message) {
  if (!position().kind[0]) return failed(ExitCode::some_runs_failed, message);
  return failed(ExitCode::plugin_problem, position().text() + ": " + message);
}

/// The shells' scripts ask with this word; words that are only begun are not for the parser.
int complete(const CLI::App& app, std::vector<std::string> words) {
  for (const auto& answer : completions(app, std::move(words))) std::printf("%s\n", answer.c_str());
  return static_cast<int>(ExitCode::done);
}

int run(int argc, char** argv) {
  if (argc > 1 && argv[1] == std::string(kLookVerb)) return examine({argv + 2, argv + argc});
  if (argc > 1 && argv[1] == std::string(testing::kVerifyVerb)) return testing::verify_here({argv + 2, argv + argc});
  CLI::App app("Trains test problems of neural network optimisation and watches quantities of their backward pass.",
               "backobs");
  app.set_version_flag("--version", "backobs " BACKOBS_VERSION);
  app.require_subcommand(1);
  Context context;
  add_verbs(app, context);
  if (argc > 1 && argv[1] == std::string("__complete")) return complete(app, {argv + 2, argv + argc});
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& e) {
    return app.exit(e);
  } catch (const CLI::ParseError& e) {
    throw usage_error(app, e);
  }
  keep_pages();
  const int code = static_cast<int>(context.action());
  if (std::fflush(stdout) != 0 || std::ferror(stdout))
    throw Error(ExitCode::some_runs_failed, "stdout", "output that cannot be written");
  return code;
}

}  // namespace
}  // namespace backobs

int main(int argc, char** argv) {
  using backobs::ExitCode;
  using backobs::failed;
  using backobs::failed_at_work;
  try {
    return backobs::run(argc, argv);
  } catch (const backobs::Error& e) {
    return failed(e.code(), e.what());
  } catch (const c10::Error& e) {
    return failed_at_work(e.what_without_backtrace());
  } catch (const std::bad_alloc&) {
    return failed(ExitCode::some_runs_failed, "out of memory");
  } catch (const std::exception& e) {
    return failed_at_work(e.what());
  } catch (...) {
    return failed_at_work("an exception of an unknown type");
  }
}
