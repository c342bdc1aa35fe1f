// SPDX-License-Identifier: MIT
// From yaml-cpp's events, not its nodes: nodes lose duplicate keys, quotes and the positions of keys.
#include "campaign/yaml_reader.h"

#include "files/printable.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <fstream>
#include <iterator>
#include <sstream>

namespace backobs {
namespace {

constexpr std::size_t kMaximumBytes = std::size_t{4} << 20;
constexpr std::size_t kMaximumDepth = 32;

class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(std::string name, ConfigProblems& problems) : name_(std::move(name)), problems_(problems) {}

  int documents() const { return documents_; }
  YamlNode take_root() { return std::move(root_); }
  std::string position(const YAML::Mark& mark) const {
    return name_ + ":" + std::to_string(mark.line + 1) + ":" + std::to_string(mark.column + 1);
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ > 0) problems_.add(position(mark), "more behind the end of the document", "one document per file");
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse_anchor(mark, anchor);
    close(leaf(mark, YamlNode::Kind::nothing));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    problems_.add(position(mark), "an alias", "the value itself");
    close(leaf(mark, YamlNode::Kind::nothing));
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_anchor(mark, anchor);
    if (!tag.empty() && tag != "?" && tag != "!") refuse_tag(mark, tag);
    YamlNode node = leaf(mark, YamlNode::Kind::scalar);
    node.text = value;
    node.quoted = tag == "!";
    close(std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, YamlNode::Kind::list);
  }
  void OnSequenceEnd() override { pop(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, YamlNode::Kind::map);
  }
  void OnMapEnd() override { pop(); }

 private:
  /// A list or map that is being filled; `key` waits for its value.
  struct Open {
    YamlNode node;
    bool has_key = false;
    std::string key, key_where;
  };

  YamlNode leaf(const YAML::Mark& mark, YamlNode::Kind kind) const {
    YamlNode node;
    node.kind = kind;
    node.where = position(mark);
    return node;
  }
  void refuse_anchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor) problems_.add(position(mark), "an anchor", "a value without anchor");
  }
  void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    problems_.add(position(mark), "the tag `" + tag + "`", "a value without tag");
  }
  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YamlNode::Kind kind) {
    refuse_anchor(mark, anchor);
    if (!tag.empty() && tag != "?" && tag != "!") refuse_tag(mark, tag);
    if (stack_.size() >= kMaximumDepth)
      throw ConfigError(position(mark), "a value nested deeper than " + std::to_string(kMaximumDepth), "fewer levels");
    stack_.push_back({leaf(mark, kind), false, "", ""});
  }
  void pop() {
    YamlNode node = std::move(stack_.back().node);
    stack_.pop_back();
    close(std::move(node));
  }
  void close(YamlNode node) {
    if (stack_.empty()) {
      if (documents_ <= 1) root_ = std::move(node);
      return;
    }
    Open& parent = stack_.back();
    if (parent.node.is_list())
      parent.node.items.push_back(std::move(node));
    else if (!parent.has_key)
      take_key(parent, node);
    else
      take_value(parent, std::move(node));
  }
  void take_key(Open& parent, const YamlNode& node) {
    if (!node.is_scalar()) problems_.add(node.where, node.describe() + " as a key", "a name");
    parent.has_key = true;
    parent.key = node.text;
    parent.key_where = node.where;
  }
  void take_value(Open& parent, YamlNode node) {
    parent.has_key = false;
    if (const YamlNode* first = parent.node.find(parent.key)) {
      problems_.add(parent.key_where, "key `" + parent.key + "` a second time",
                    "each key once (first at " + first->where + ")");
      return;
    }
    parent.node.entries.push_back({parent.key, parent.key_where, std::move(node)});
  }

  std::string name_;
  ConfigProblems& problems_;
  std::vector<Open> stack_;
  YamlNode root_;
  int documents_ = 0;
};

std::string read_text(const std::filesystem::path& file) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error))
    throw ConfigError(file.string(), std::filesystem::exists(file, error) ? "not a file" : "no such file",
                      "an experiment file");
  std::ifstream stream(file, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  if (!stream) throw ConfigError(file.string(), "a file that cannot be read", "an experiment file");
  return text;
}

}  // namespace

const YamlNode* YamlNode::find(const std::string& key) const {
  for (const auto& entry : entries)
    if (entry.key == key) return &entry.value;
  return nullptr;
}

std::string YamlNode::describe() const {
  switch (kind) {
    case Kind::nothing: return "nothing";
    case Kind::scalar: return "`" + printable_line(text) + "`";
    case Kind::list: return "a list";
    case Kind::map: return "a map";
  }
  return "";
}

RawValue YamlNode::raw(ConfigProblems& problems) const {
  RawValue value;
  value.where = where;
  value.is_list = is_list();
  value.quoted = quoted;
  if (is_scalar()) value.items.push_back(text);
  if (is_map()) problems.add(where, "a map", "a value");
  for (const auto& item : items) {
    if (!item.is_scalar()) problems.add(item.where, item.describe() + " in a list", "a value");
    value.items.push_back(item.text);
    value.quoted = value.quoted || item.quoted;
  }
  return value;
}

YamlNode read_yaml(const std::string& text, const std::string& name, ConfigProblems& problems) {
  TreeBuilder builder(name, problems);
  problems.add_source(name, text);
  if (text.size() > kMaximumBytes) {
    problems.add(name, std::to_string(text.size()) + " bytes", "at most " + std::to_string(kMaximumBytes));
    return {};
  }
  try {
    // yaml-cpp 0.7 takes a quote that is never closed for closed if the file ends with a line break.
    std::istringstream stream(text.substr(0, text.find_last_not_of(" \t\r\n") + 1));
    YAML::Parser parser(stream);
    // The second document is one too many; after some of what is no YAML, yaml-cpp sees empty ones without end.
    while (builder.documents() < 2 && parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::ParserException& e) {
    problems.add(builder.position(e.mark), "broken YAML (" + e.msg + ")", "a YAML document");
    return {};
  } catch (const ConfigError& e) {
    problems.add(e);
    return {};
  }
  YamlNode root = builder.take_root();
  if (root.where.empty()) root.where = name;
  return root;
}

YamlNode read_yaml_file(const std::filesystem::path& file, ConfigProblems& problems) {
  return read_yaml(read_text(file), file.string(), problems);
}

}  // namespace backobs
