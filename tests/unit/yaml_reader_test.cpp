// SPDX-License-Identifier: MIT
#include "campaign/yaml_reader.h"

#include <gtest/gtest.h>

namespace backobs {
namespace {

std::vector<std::string> complaints(const std::string& text) {
  ConfigProblems problems;
  read_yaml(text, "a.yaml", problems);
  return problems.lines();
}

TEST(YamlReader, KeepsTextOrderQuotesAndPositions) {
  ConfigProblems problems;
  const YamlNode root = read_yaml("b: 010\na:\n  - 'yes'\n  - {x: 1e-3, y: ~}\n", "a.yaml", problems);
  ASSERT_TRUE(problems.empty());
  ASSERT_TRUE(root.is_map());
  ASSERT_EQ(root.entries.size(), 2u);
  EXPECT_EQ(root.entries[0].key, "b");
  EXPECT_EQ(root.entries[0].where, "a.yaml:1:1");
  EXPECT_EQ(root.entries[0].value.text, "010");
  EXPECT_EQ(root.entries[0].value.where, "a.yaml:1:4");
  EXPECT_FALSE(root.entries[0].value.quoted);
  const YamlNode* list = root.find("a");
  ASSERT_TRUE(list && list->is_list());
  EXPECT_TRUE(list->items[0].quoted);
  EXPECT_EQ(list->items[1].find("x")->where, "a.yaml:4:9");
  EXPECT_EQ(list->items[1].find("y")->kind, YamlNode::Kind::nothing);
  EXPECT_EQ(root.find("c"), nullptr);
}

TEST(YamlReader, FindsKeysGivenTwiceAtEveryLevel) {
  const auto found = complaints("a: 1\nb: {c: 1, c: 2}\na: 3\n");
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0], "a.yaml:2:11: found key `c` a second time, wanted each key once (first at a.yaml:2:8)");
  EXPECT_EQ(found[1], "a.yaml:3:1: found key `a` a second time, wanted each key once (first at a.yaml:1:4)");
}

TEST(YamlReader, SaysWhereTheSyntaxBreaks) {
  const auto found = complaints("a: 1\nb: [1, 2\n");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].rfind("a.yaml:2:1: found broken YAML (", 0), 0u) << found[0];
  EXPECT_EQ(complaints("a: {b: 1\n").size(), 1u);
  EXPECT_EQ(complaints("a: 1\n b: 2\n").size(), 1u);
}

TEST(YamlReader, RefusesWhatItWouldHaveToGuess) {
  EXPECT_EQ(complaints("a: &x 1\nb: *x\n"),
            (std::vector<std::string>{"a.yaml:1:4: found an anchor, wanted a value without anchor",
                                      "a.yaml:2:4: found an alias, wanted the value itself"}));
  EXPECT_EQ(complaints("a: !!int 1\n"),
            std::vector<std::string>{"a.yaml:1:4: found the tag `tag:yaml.org,2002:int`, wanted a value without tag"});
  EXPECT_EQ(complaints("a: 1\n---\nb: 2\n"),
            std::vector<std::string>{"a.yaml:2:1: found more behind the end of the document, wanted one document per file"});
  EXPECT_EQ(complaints("? [1, 2]\n: 3\n"),
            std::vector<std::string>{"a.yaml:1:3: found a list as a key, wanted a name"});
}

TEST(YamlReader, SurvivesDepthSizeAndNonsense) {
  EXPECT_EQ(complaints(std::string(5000, '[')).size(), 1u);
  EXPECT_EQ(complaints("a: " + std::string(40, '[') + std::string(40, ']')).size(), 1u);
  EXPECT_EQ(complaints(std::string((4u << 20) + 1, 'a')).size(), 1u);
  EXPECT_NO_THROW(complaints(std::string("\0\x01\xff\xfe", 4)));
  EXPECT_TRUE(complaints("").empty());
}

TEST(YamlReader, GivesOptionsTheirRawValues) {
  ConfigProblems problems;
  const YamlNode root = read_yaml("a: [1, '2']\nb: 3\nc: {d: 4}\ne: [[1]]\nf:\n", "a.yaml", problems);
  const RawValue list = root.find("a")->raw(problems);
  EXPECT_TRUE(list.is_list && list.quoted);
  EXPECT_EQ(list.items, (std::vector<std::string>{"1", "2"}));
  EXPECT_EQ(root.find("b")->raw(problems).items, std::vector<std::string>{"3"});
  EXPECT_TRUE(root.find("f")->raw(problems).items.empty());
  EXPECT_TRUE(problems.empty());
  root.find("c")->raw(problems);
  root.find("e")->raw(problems);
  EXPECT_EQ(problems.lines(), (std::vector<std::string>{"a.yaml:3:4: found a map, wanted a value",
                                                        "a.yaml:4:5: found a list in a list, wanted a value"}));
}

TEST(ConfigErrors, CarriesEveryLineOnce) {
  ConfigProblems problems;
  EXPECT_NO_THROW(problems.throw_if_any());
  problems.add("a.yaml:1:1", "x", "y");
  problems.add("a.yaml:2:1", "z");
  problems.add("a.yaml:1:1", "x", "y");
  try {
    problems.throw_if_any();
    FAIL();
  } catch (const ConfigErrors& e) {
    EXPECT_EQ(e.code(), ExitCode::invalid_config);
    EXPECT_STREQ(e.what(), "a.yaml:1:1: found x, wanted y\na.yaml:2:1: z");
  }
}

}  // namespace
}  // namespace backobs
