// SPDX-License-Identifier: MIT
// `backobs verify`: what it answers, in which forms, and what it survives.
#include "integration/program.h"
#include "unit/temporary_folder.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <string>

namespace backobs {
namespace {

namespace fs = std::filesystem;
using testing::backobs;
using testing::TemporaryFolder;

const std::string kPlugins = BACKOBS_BUILD_DIR "/plugins/", kBad = BACKOBS_BUILD_DIR "/bad_plugins/";

class Verify : public ::testing::Test {
 protected:
  /// The broken checks of a plugin, "NAME: DETAIL", one line each; the exit code has to say the same.
  std::string broken(const std::string& file, const std::string& flags = "--strictness 2") {
    const auto answer = backobs(folder_.path(), "verify '" + file + "' --json " + flags);
    const auto document = nlohmann::json::parse(answer.out);
    std::string text;
    for (const auto& check : document["checks"])
      if (check["verdict"] == "broken") text += check["name"].get<std::string>() + ": " + check["detail"].get<std::string>() + "\n";
    EXPECT_EQ(answer.code, text.empty() ? 0 : 4) << answer.err;
    EXPECT_EQ(document["ok"].get<bool>(), text.empty());
    return text;
  }
  TemporaryFolder folder_;
};

TEST_F(Verify, KeepsSoundPlugins) {
  EXPECT_EQ(broken(kPlugins + "diag_ggn_exact.so", "--strictness 10 --seed 7"), "");
  EXPECT_EQ(broken(kPlugins + "sgd.so", "--strictness 10"), "");
  EXPECT_EQ(broken(kPlugins + "quadratic_deep.so", "--strictness 10"), "");
}

TEST_F(Verify, ComparesWithBruteForceWhereThereIsAReference) {
  const auto answer = backobs(folder_.path(), "verify '" + kPlugins + "variance.so' --strictness 1");
  EXPECT_EQ(answer.code, 0);
  EXPECT_NE(answer.out.find("kept     two dense layers: reference\n"), std::string::npos) << answer.out;
}

TEST_F(Verify, NamesTheCheckThatBreaks) {
  EXPECT_EQ(broken(kBad + "other_torch.so").rfind("host: libtorch: found 0.4.1, wanted ", 0), 0u);
  EXPECT_EQ(broken(kBad + "no_manifest.so"), "manifest: found a shared library without manifest, wanted a BackOBS plugin\n");
  EXPECT_EQ(broken(kBad + "missing_entry.so"),
            "load: found no exported function `backobs_plugin`, wanted one, from a macro of backobs/plugin.h\n");
  EXPECT_EQ(broken(kBad + "throws_in_schema.so"), "schema: threw something that is no exception in schema()\n");
  EXPECT_EQ(broken(kBad + "bad_default.so"), "schema: found default of option `draws` = 0, wanted integer >= 1\n");
  EXPECT_EQ(broken(kBad + "throws_in_factory.so"), "two dense layers: one step: threw `no memory of why` when it was made\n");
  EXPECT_EQ(broken(kBad + "sound.so"), "two dense layers: one step: found no result after one pass, wanted one at least\n");
}

TEST_F(Verify, SurvivesWhatEndsTheProcess) {
  EXPECT_EQ(broken(kBad + "at_load/exits.so"), "load: found a call of exit(0), wanted an answer\n");
  EXPECT_EQ(broken(kBad + "at_load/aborts.so"), "load: found a crash (signal 6 (Aborted)), wanted an answer\n");
  EXPECT_EQ(broken(kBad + "at_load/hangs.so", "--timeout 15"), "load: found no end of all checks within 15 s, wanted an answer\n");
  // Crashes at its step 3, which the check of saved state is the first to reach.
  EXPECT_EQ(broken(kBad + "fails_at_step.so"),
            "two dense layers: state: found a crash (signal 11 (Segmentation fault)), wanted an answer\n");
  EXPECT_NE(broken(kBad + "at_load/prints.so").find("stdout: found 6 bytes written to stdout, wanted none\n"), std::string::npos);
}

TEST_F(Verify, HoldsLayersAgainstTheirDefaults) {
  EXPECT_EQ(broken(kBad + "layers/sound_rule.so", "--strictness 10"), "");
  EXPECT_EQ(broken(kBad + "layers/two_inputs.so", "--strictness 10"), "");
  const auto wrong = broken(kBad + "layers/wrong_slope.so", "--strictness 5");
  for (const auto* part : {"[4, 7]: first derivatives: found jac_t of samples ", "[2, 3, 4, 4] in training: first derivatives: "})
    EXPECT_NE(wrong.find(part), std::string::npos) << wrong;
  EXPECT_EQ(wrong.find("second derivatives"), std::string::npos) << wrong;
  EXPECT_EQ(broken(kBad + "layers/another_function.so", "--strictness 3"),
            "example 2 [3, 2]: module: found an output with entry 0 = 3, wanted 2\n");
}

TEST_F(Verify, SaysWhereALayerHasNoExample) {
  const auto answer = backobs(folder_.path(), "verify '" + kBad + "layers/without_example.so'");
  EXPECT_EQ(answer.code, 0);
  EXPECT_NE(answer.out.find("skipped  examples\n"), std::string::npos) << answer.out;
  EXPECT_NE(answer.out.find("declare `static std::vector<LayerExample> examples()`"), std::string::npos) << answer.out;
}

TEST_F(Verify, WritesJUnit) {
  const auto file = folder_.path() / "report.xml";
  backobs(folder_.path(), "verify '" + kBad + "throws_in_factory.so' --strictness 1 --junit report.xml");
  const auto text = testing::text_of(file);
  EXPECT_EQ(text.rfind("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"throws_in_factory\" tests=\"", 0), 0u) << text;
  EXPECT_NE(text.find("failures=\"1\""), std::string::npos) << text;
  EXPECT_NE(text.find("<failure message=\"threw `no memory of why` when it was made\"/>"), std::string::npos) << text;
  EXPECT_NE(text.find("name=\"load\""), std::string::npos);
}

TEST_F(Verify, RefusesWrongUsage) {
  EXPECT_EQ(backobs(folder_.path(), "verify").code, 2);
  EXPECT_EQ(backobs(folder_.path(), "verify nowhere.so").code, 2);
  EXPECT_EQ(backobs(folder_.path(), "verify '" + kPlugins + "sgd.so' --strictness 11").code, 2);
  EXPECT_EQ(backobs(folder_.path(), "verify '" + kPlugins + "sgd.so' --timeout 0").code, 2);
  std::ofstream(folder_.path() / "text.so") << "no library";
  EXPECT_EQ(backobs(folder_.path(), "verify text.so").code, 4);
}

}  // namespace
}  // namespace backobs
