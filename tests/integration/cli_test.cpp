// SPDX-License-Identifier: MIT
// The program as a user meets it: arguments in; exit code, stdout and stderr out.
#include "host/openblas.h"
#include "unit/temporary_folder.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <sys/wait.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <thread>

namespace backobs {
namespace {

using nlohmann::json;
using testing::TemporaryFolder;

struct Answer {
  int code = -1;
  std::string out, err;
};

std::string slurp(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(stream), {});
}

/// `variables` stand before the command, as a shell takes them: "A=b ".
Answer backobs(const std::string& arguments, const std::string& variables = "") {
  const TemporaryFolder folder;
  const std::string out = (folder.path() / "out").string(), err = (folder.path() / "err").string();
  const std::string command = "cd '" + folder.path().string() + "' && " + variables +
                              "'" BACKOBS_BUILD_DIR "/bin/backobs' " + arguments + " >'" + out + "' 2>'" + err + "' </dev/null";
  const int status = std::system(command.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, slurp(out), slurp(err)};
}

bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST(Program, TellsItsVersion) {
  const Answer answer = backobs("--version");
  EXPECT_EQ(answer.code, 0);
  EXPECT_EQ(answer.out.rfind("backobs ", 0), 0u);
}

TEST(Program, ShowsEveryVerbInItsHelp) {
  const Answer answer = backobs("--help");
  EXPECT_EQ(answer.code, 0);
  for (const char* verb : {"run", "plan", "status", "export", "clean", "schema", "report", "train", "extend", "bench", "list", "describe", "data", "new", "completion", "doctor"})
    EXPECT_TRUE(holds(answer.out, std::string("\n  ") + verb + " ")) << verb;
}

TEST(Program, NamesTheNearestVerbFlagAndKind) {
  const Answer verb = backobs("lst");
  EXPECT_EQ(verb.code, 2);
  EXPECT_TRUE(verb.out.empty());
  EXPECT_TRUE(holds(verb.err, "error: backobs: found verb `lst`")) << verb.err;
  EXPECT_TRUE(holds(verb.err, "did you mean `list`?")) << verb.err;
  const Answer flag = backobs("list --jsn");
  EXPECT_EQ(flag.code, 2);
  EXPECT_TRUE(holds(flag.err, "backobs list: found flag `--jsn`") && holds(flag.err, "did you mean `--json`?"))
      << flag.err;
  const Answer kind = backobs("list problms");
  EXPECT_EQ(kind.code, 2);
  EXPECT_TRUE(holds(kind.err, "found kind `problms`") && holds(kind.err, "did you mean `problems`?")) << kind.err;
  EXPECT_EQ(backobs("").code, 2);
  EXPECT_EQ(backobs("describe problem").code, 2);
}

TEST(Program, RefusesBadValuesOfCommonFlags) {
  for (const char* flag : {"--batch-size 010", "--batch-size 0", "--seed -1", "--threads two", "--threads 1025",
                           "--source imaginary", "--dtype float16", "--device abacus", "--plugin-path /nowhere/at/all"}) {
    const Answer answer = backobs(std::string("extend mnist_logreg ") + flag);
    EXPECT_EQ(answer.code, 2) << flag;
    EXPECT_TRUE(holds(answer.err, std::string(flag).substr(0, std::string(flag).find(' ')) + ": found `"))
        << answer.err;
  }
}

TEST(Program, RefusesCommonFlagsThatAVerbDoesNotRead) {
  for (const char* call : {"list --batch-size 3", "status here --output there", "export here --format csv --seed 1",
                           "report here --to a.html --threads 2", "clean here --dtype float64", "schema --device cpu",
                           "extend mnist_logreg --output there", "data list --source real"}) {
    const Answer answer = backobs(call);
    EXPECT_EQ(answer.code, 2) << call;
    EXPECT_TRUE(holds(answer.err, "found flag `--")) << call << ": " << answer.err;
  }
}

TEST(Program, ShowsControlCharactersInMessages) {
  const Answer answer = backobs("describe problem $(printf 'a\\033[31mb')");
  EXPECT_EQ(answer.code, 2);
  EXPECT_TRUE(holds(answer.err, "`a\\x1b[31mb`")) << answer.err;
}

TEST(Program, WarnsOfMoreThreadsThanCores) {
  const Answer answer = backobs("extend quadratic_deep --source synthetic --extensions batch_l2 --threads " +
                                std::to_string(std::thread::hardware_concurrency() + 1));
  EXPECT_EQ(answer.code, 0) << answer.err;
  EXPECT_TRUE(holds(answer.err, "they wait for one another")) << answer.err;
}

TEST(Program, RefusesUnknownPlugins) {
  const Answer problem = backobs("describe problem mnist_mpl");
  EXPECT_EQ(problem.code, 2);
  EXPECT_TRUE(holds(problem.err, "found problem `mnist_mpl`") && holds(problem.err, "did you mean `mnist_mlp`?"))
      << problem.err;
  const Answer train = backobs("train mnist_logrge --lr 0.1");
  EXPECT_EQ(train.code, 2);
  EXPECT_TRUE(holds(train.err, "mnist_logreg")) << train.err;
}

TEST(List, IsAnArrayOfPlugins) {
  const Answer answer = backobs("list --json");
  ASSERT_EQ(answer.code, 0) << answer.err;
  std::set<std::string> problems, extensions, runners;
  for (const auto& plugin : json::parse(answer.out)) {
    for (const char* key : {"name", "version", "file", "summary", "author"})
      EXPECT_TRUE(plugin.at(key).is_string()) << key;
    EXPECT_TRUE(plugin.at("aliases").is_array());
    auto& names = plugin.at("kind") == "problem" ? problems : plugin.at("kind") == "extension" ? extensions : runners;
    EXPECT_TRUE(names.insert(plugin.at("name")).second);
  }
  EXPECT_EQ(problems.count("mnist_mlp") + problems.count("quadratic_deep"), 2u);
  EXPECT_EQ(extensions.count("grad_batch") + extensions.count("kfac"), 2u);
  EXPECT_EQ(runners.count("sgd"), 1u);
}

TEST(List, KeepsToOneKindInEitherSpelling) {
  const Answer plural = backobs("list extensions"), singular = backobs("list extension");
  ASSERT_EQ(plural.code, 0);
  EXPECT_EQ(plural.out, singular.out);
  EXPECT_TRUE(holds(plural.out, "\n  grad_batch "));
  EXPECT_FALSE(holds(plural.out, "mnist_mlp"));
  EXPECT_FALSE(holds(plural.out, "\033["));
}

TEST(List, WarnsOfRefusedFilesOnStderr) {
  const Answer answer = backobs("list --json --plugin-path '" BACKOBS_BUILD_DIR "/bad_plugins'");
  EXPECT_EQ(answer.code, 0);
  EXPECT_TRUE(holds(answer.err, "other_interface.so was refused: interface: found 999")) << answer.err;
  bool has_sound = false;
  for (const auto& plugin : json::parse(answer.out)) has_sound |= plugin.at("name") == "sound";
  EXPECT_TRUE(has_sound);
}

TEST(Describe, CountsParameters) {
  const Answer answer = backobs("describe problem mnist_mlp --json");
  ASSERT_EQ(answer.code, 0) << answer.err;
  const json problem = json::parse(answer.out);
  // 784·1000 + 1000·500 + 500·100 + 100·10 weights and 1000 + 500 + 100 + 10 biases.
  EXPECT_EQ(problem.at("parameter_count"), 1336610);
  EXPECT_EQ(problem.at("trainable_parameter_count"), 1336610);
  ASSERT_EQ(problem.at("parameters").size(), 8u);
  EXPECT_EQ(problem.at("parameters")[0].at("name"), "dense1.weight");
  EXPECT_EQ(problem.at("parameters")[0].at("shape"), json({1000, 784}));
  EXPECT_EQ(problem.at("layers").back().at("output_shape"), json({10}));
  EXPECT_EQ(problem.at("defaults").at("batch_size"), 128);
}

TEST(Describe, TellsWhichQuantitiesWorkWhere) {
  const Answer answer = backobs("describe problem mnist_mlp --json");
  ASSERT_EQ(answer.code, 0) << answer.err;
  std::set<std::string> names;
  const json document = json::parse(answer.out);
  for (const auto& quantity : document.at("quantities")) {
    names.insert(quantity.at("name").get<std::string>());
    EXPECT_TRUE(quantity.at("refused").is_array());
    if (quantity.at("name") == "grad_batch") { EXPECT_TRUE(quantity.at("refused").empty()); }
  }
  for (const char* name : {"grad_batch", "kfra", "ggnmp", "hmp", "pchmp", "sqrt_ggn_exact", "diag_h_batch"})
    EXPECT_EQ(names.count(name), 1u) << name;
  EXPECT_TRUE(holds(backobs("describe problem mnist_mlp").out, "every parameter"));
}

TEST(Extend, RefusesAQuantityNamedTwice) {
  for (const std::string verb : {"extend mnist_logreg", "train mnist_logreg --lr 0.1"}) {
    const Answer answer = backobs(verb + " --source synthetic --extensions grad_batch,BatchGrad");
    EXPECT_EQ(answer.code, 2) << answer.err;
    EXPECT_TRUE(holds(answer.err, "`grad_batch` twice")) << answer.err;
  }
}

TEST(Describe, TellsOptionsOfARunnerAndAliases) {
  const Answer runner = backobs("describe runner sgd --json");
  ASSERT_EQ(runner.code, 0) << runner.err;
  std::set<std::string> options;
  const json described = json::parse(runner.out);
  for (const auto& option : described.at("options")) options.insert(option.at("name"));
  EXPECT_EQ(options.count("lr"), 1u);
  const Answer alias = backobs("describe extension DiagGGNExact --json");
  ASSERT_EQ(alias.code, 0) << alias.err;
  EXPECT_EQ(json::parse(alias.out).at("name"), "diag_ggn_exact");
}

TEST(Describe, BlamesAPluginThatThrows) {
  const Answer answer =
      backobs("describe extension throws_in_schema --plugin-path '" BACKOBS_BUILD_DIR "/bad_plugins'");
  EXPECT_EQ(answer.code, 4);
  EXPECT_TRUE(holds(answer.err, "throws_in_schema") && holds(answer.err, "in schema()")) << answer.err;
}

TEST(Train, RefusesAPlaceForResultsBeforeItTrains) {
  for (const char* place : {"/dev/null", "/dev/null/below"}) {
    const Answer answer = backobs(std::string("train mnist_logreg --source synthetic --lr 0.1 --epochs 1 --output ") + place);
    EXPECT_EQ(answer.code, 2);
    EXPECT_EQ(answer.out, "");
    EXPECT_TRUE(holds(answer.err, "--output: found `")) << answer.err;
  }
}

TEST(Bench, GivesTimesMemoryAndTheCountedFloor) {
  const Answer answer = backobs("bench mnist_logreg --source synthetic --batch-size 8 --threads 1 --repeats 2 --json --extensions batch_l2,diag_ggn_exact");
  ASSERT_EQ(answer.code, 0) << answer.err;
  const json document = json::parse(answer.out);
  EXPECT_EQ(document.at("extensions"), json({"batch_l2", "diag_ggn_exact"}));
  for (const char* key : {"median_ms", "minimum_ms", "gradient_median_ms", "ratio", "baseline_mib", "operations", "floor_ms", "share_of_floor"})
    EXPECT_GT(document.at(key).get<double>(), 0) << key;
  EXPECT_GE(document.at("median_ms").get<double>(), document.at("minimum_ms").get<double>());
  EXPECT_GE(document.at("peak_mib").get<double>(), 0);
  EXPECT_TRUE(holds(backobs("bench mnist_logreg --source synthetic --batch-size 8 --repeats 1 --extensions all").out, "counted floor"));
}

TEST(Bench, RefusesUnknownNamesAndCounts) {
  EXPECT_TRUE(holds(backobs("bench mnist_logrg --source synthetic").err, "did you mean `mnist_logreg`?"));
  EXPECT_EQ(backobs("bench mnist_logreg --source synthetic --extensions kfax").code, 2);
  EXPECT_EQ(backobs("bench mnist_logreg --source synthetic --repeats 0").code, 2);
}

TEST(Extend, SetsOptionsOfExtensionsAndOfTheProblem) {
  const std::string pass = "extend mnist_logreg --source synthetic --batch-size 4 --extensions sqrt_ggn_mc,grad_batch --json ";
  const json shapes = json::parse(backobs(pass + "--set SqrtGGNMC.mc_samples=3 --set 'grad_batch.subsampling=[2, 0]'").out);
  EXPECT_EQ(shapes.at("parameters").at("dense.bias"), json({{"grad", {{10}}}, {"sqrt_ggn_mc", {{3, 4, 10}}}, {"grad_batch", {{2, 10}}}}));
  EXPECT_EQ(backobs("extend cifar10_vgg16 --source synthetic --batch-size 2 --extensions batch_l2 --set cifar10_vgg16.size=32").code, 0);
}

TEST(Extend, RefusesOptionsItDoesNotKnow) {
  const auto complaint = [](const std::string& setting) {
    const Answer answer = backobs("extend mnist_logreg --source synthetic --extensions sqrt_ggn_mc --set '" + setting + "'");
    EXPECT_EQ(answer.code, 2) << setting;
    return answer.err;
  };
  EXPECT_TRUE(holds(complaint("sqrt_ggn_mc.mc_sample=2"), "did you mean `mc_samples`?"));
  EXPECT_TRUE(holds(complaint("sqrt_ggn_mc.mc_samples=0"), "wanted integer >= 1"));
  EXPECT_TRUE(holds(complaint("sqrt_ggn_m.mc_samples=2"), "did you mean `sqrt_ggn_mc`?"));
  EXPECT_TRUE(holds(complaint("kfac.mc_samples=2"), "wanted the problem or an extension of this pass: mnist_logreg, sqrt_ggn_mc"));
  for (const char* setting : {"kfac", "=", ".=", "mc_samples=2", ""}) EXPECT_TRUE(holds(complaint(setting), "--set")) << setting;
}

/// OpenMP gives fewer threads than the machine has; OpenBLAS would wait for the others without end.
TEST(Program, ComputesWithTheThreadsThatOpenMpAllows) {
  const std::string extend = "extend mnist_mlp --source synthetic --batch-size 64 --extensions batch_l2";
  EXPECT_EQ(backobs(extend, "OMP_THREAD_LIMIT=1 timeout 100 ").code, 0);
  EXPECT_EQ(backobs(extend + " --threads 3", "OMP_DYNAMIC=true timeout 100 ").code, 0);
  const Answer answer = backobs(extend + " --threads 2", "OMP_THREAD_LIMIT=1 timeout 100 ");
  EXPECT_EQ(answer.code, 2);
  EXPECT_TRUE(holds(answer.err, "wanted at most 1, which OMP_THREAD_LIMIT allows")) << answer.err;
}

TEST(Doctor, NamesBlasThreadsAndRefusals) {
  const Answer answer = backobs("doctor --json --threads 2 --plugin-path '" BACKOBS_BUILD_DIR "/bad_plugins'");
  ASSERT_EQ(answer.code, 0) << answer.err;
  const json document = json::parse(answer.out);
  EXPECT_EQ(document.at("threads"), 2);
  EXPECT_FALSE(document.at("blas").at("verdict").get<std::string>().empty());
  EXPECT_EQ(document.at("plugin_folders")[0].at("path"), BACKOBS_BUILD_DIR "/bad_plugins");
  std::set<std::string> reasons;
  for (const auto& refused : document.at("refused")) {
    reasons.insert(refused.at("reason"));
    EXPECT_FALSE(refused.at("advice").get<std::string>().empty());
  }
  EXPECT_EQ(reasons.count("found a malformed manifest, wanted a JSON object"), 1u);
  EXPECT_EQ(backobs("doctor").code, 0);
}

TEST(Doctor, SaysWhichKernelsOpenBlasUsesAndLeavesTheUsersChoice) {
  if (openblas_kernels().empty()) GTEST_SKIP() << "another BLAS";
  const auto kernels = [](const std::string& variables) {
    return json::parse(backobs("doctor --json", variables).out).at("blas").at("kernels").get<std::string>();
  };
  EXPECT_EQ(kernels(""), openblas_kernels());
  EXPECT_EQ(kernels("OPENBLAS_CORETYPE=Nehalem "), "Nehalem");
}

}  // namespace
}  // namespace backobs
