// SPDX-License-Identifier: MIT
// `backobs new` and `backobs completion`. That the projects build is for out_of_tree.sh.
#include "integration/program.h"
#include "unit/temporary_folder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

namespace backobs {
namespace {

using testing::Answer;
using testing::TemporaryFolder;
using testing::backobs;
using testing::text_of;
namespace fs = std::filesystem;

bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::vector<std::string> lines(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> result;
  for (std::string line; std::getline(stream, line);) result.push_back(line);
  return result;
}

TEST(New, WritesWholeProjectsOfEveryKind) {
  const TemporaryFolder folder;
  for (const std::string kind : {"problem", "extension", "runner", "layer"}) {
    const Answer answer = backobs(folder.path(), "new " + kind + " my_" + kind + "2");
    ASSERT_EQ(answer.code, 0) << answer.err;
    const auto written = lines(answer.out);
    ASSERT_EQ(written.size(), 6u) << answer.out;
    for (const auto& file : written) {
      const std::string text = text_of(folder.path() / file);
      EXPECT_FALSE(text.empty()) << file;
      for (const char* word : {"@name@", "@Name@", "@Class@", "@kind@", "@prefix@"}) EXPECT_FALSE(holds(text, word)) << file;
    }
    const std::string source = text_of(folder.path() / ("my_" + kind + "2") / ("my_" + kind + "2.cpp"));
    EXPECT_TRUE(holds(source, kind == "layer" ? "class MyLayer2Rule final" : "class My")) << source;
    EXPECT_LT(lines(source).size(), 70u);
  }
}

TEST(New, RefusesNamesThatAreNoneOrTaken) {
  const TemporaryFolder folder;
  for (const std::string name : {"Foo", "2foo", "foo-bar", "foo__bar", "foo_", "../foo", "\"\"", "föö",
                                 "a23456789012345678901234567890123456789012345678901234567890x"}) {
    const Answer answer = backobs(folder.path(), "new runner " + name);
    EXPECT_EQ(answer.code, 2) << name;
    EXPECT_TRUE(holds(answer.err, "wanted small letters, digits and single _")) << answer.err;
  }
  const Answer taken = backobs(folder.path(), "new extension kfac");
  EXPECT_EQ(taken.code, 2);
  EXPECT_TRUE(holds(taken.err, "found extension `kfac`, which ")) << taken.err;
  EXPECT_FALSE(fs::exists(folder.path() / "kfac"));
  EXPECT_EQ(backobs(folder.path(), "new runner kfac").code, 0);  // a name is taken per kind
}

TEST(New, OverwritesNothing) {
  const TemporaryFolder folder;
  fs::create_directories(folder.path() / "full");
  std::ofstream(folder.path() / "full" / "thesis.tex") << "\\dots";
  std::ofstream(folder.path() / "file") << "x";
  const Answer full = backobs(folder.path(), "new runner mine --dir full"), file = backobs(folder.path(), "new runner mine --dir file");
  EXPECT_EQ(full.code, 2);
  EXPECT_TRUE(holds(full.err, "--dir: found full, which holds files, wanted a folder that is new or empty")) << full.err;
  EXPECT_EQ(file.code, 2);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path() / "full"), {}), 1);
  fs::create_directories(folder.path() / "empty");
  EXPECT_EQ(backobs(folder.path(), "new runner mine --dir empty").code, 0);
  EXPECT_NE(backobs(folder.path(), "new runner mine --dir /proc/nowhere").code, 0);
}

std::vector<std::string> completions(const std::string& words) {
  const TemporaryFolder folder;
  return lines(backobs(folder.path(), "__complete " + words).out);
}
bool offers(const std::string& words, const std::string& answer) {
  const auto answers = completions(words);
  return std::find(answers.begin(), answers.end(), answer) != answers.end();
}
using Answers = std::vector<std::string>;

TEST(Completion, KnowsVerbsAndFlags) {
  EXPECT_TRUE(offers("''", "run") && offers("''", "completion") && !offers("''", "__complete"));
  EXPECT_EQ(completions("des"), Answers{"describe"});
  EXPECT_EQ(completions("list --js"), Answers{"--json"});
  EXPECT_EQ(completions("data ''").size(), 3u);
  EXPECT_EQ(completions("data fetch cifar100"), Answers{"cifar100"});
  EXPECT_TRUE(offers("--h", "--help"));
  EXPECT_TRUE(completions("nonsense ''").empty());
}

TEST(Completion, KnowsPluginsOfEachKindAndChoices) {
  EXPECT_TRUE(offers("train mnist_", "mnist_logreg") && !offers("train ''", "sgd"));
  EXPECT_EQ(completions("train mnist_logreg --runner s"), Answers{"sgd"});
  EXPECT_EQ(completions("train mnist_logreg --runner = s"), Answers{"sgd"});  // as bash takes --runner=s apart
  EXPECT_EQ(completions("extend mnist_mlp --extensions kfac,varia"), Answers{"kfac,variance"});
  EXPECT_TRUE(offers("describe extension K", "KFAC"));
  EXPECT_EQ(completions("describe runners sg"), Answers{"sgd"});
  EXPECT_EQ(completions("train mnist_mlp --source s"), Answers{"synthetic"});
  EXPECT_TRUE(completions("run ''").empty());  // files are the shell's
}

TEST(Completion, PrintsAScriptPerShell) {
  const TemporaryFolder folder;
  for (const std::string shell : {"bash", "zsh", "fish"}) {
    const Answer answer = backobs(folder.path(), "completion " + shell);
    EXPECT_EQ(answer.code, 0);
    EXPECT_TRUE(holds(answer.out, "__complete")) << answer.out;
  }
  EXPECT_EQ(backobs(folder.path(), "completion tcsh").code, 2);
}

/// bash itself, which has the script and is asked as the TAB key asks.
TEST(Completion, WorksInBash) {
  const TemporaryFolder folder;
  const auto script = folder.path() / "try.sh", out = folder.path() / "answer";
  std::ofstream(script) << "source <('" BACKOBS_BUILD_DIR "/bin/backobs' completion bash)\n"
                        << "COMP_WORDS=(backobs describe runner sg) COMP_CWORD=3\n"
                        << "_backobs '" BACKOBS_BUILD_DIR "/bin/backobs' sg runner\n"
                        << "echo \"${COMPREPLY[@]}\"\n";
  const std::string command = "bash '" + script.string() + "' > '" + out.string() + "'";
  ASSERT_EQ(std::system(command.c_str()), 0);
  EXPECT_EQ(text_of(out), "sgd\n");
}

}  // namespace
}  // namespace backobs
