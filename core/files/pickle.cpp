// SPDX-License-Identifier: MIT
#include "files/pickle.h"

#include <backobs/error.h>

#include <array>
#include <unordered_map>
#include <utility>

namespace backobs {

namespace {

using Kind = PickleValue::Kind;

/// The largest file wanted has some 300,000 values.
constexpr std::size_t kMostValues = 2000000;

constexpr std::array<std::string_view, 3> kFunctions = {"numpy.core.multiarray _reconstruct", "numpy ndarray", "numpy dtype"};

/// Names of the instructions somebody may meet and wonder about; the others appear as numbers.
const char* name_of(uint8_t instruction) {
  switch (instruction) {
    case 'i': return "INST";
    case 'o': return "OBJ";
    case 0x81: return "NEWOBJ";
    case 0x92: return "NEWOBJ_EX";
    case 'P': return "PERSID";
    case 'Q': return "BINPERSID";
    case 0x82: return "EXT1";
    case 0x83: return "EXT2";
    case 0x84: return "EXT4";
    case 0x93: return "STACK_GLOBAL";
    case 'B': return "BINBYTES";
    case 'C': return "SHORT_BINBYTES";
    case 'G': return "BINFLOAT";
    case 'I': return "INT";
    case 'S': return "STRING";
    case 0x8a: return "LONG1";
    default: return nullptr;
  }
}

/// The stack machine, cut down to what protocol 2 uses for plain containers and numpy arrays.
class Machine {
 public:
  Machine(const std::string& where, std::string_view bytes) : where_(where), bytes_(bytes) {}

  PickleTree run() {
    if (byte() != 0x80 || byte() != 2) refuse("no pickle of protocol 2", "bytes 0x80 0x02 at the beginning");
    while (step(byte())) {
    }
    if (at_ != bytes_.size()) refuse("bytes behind the end", "nothing behind the end of the pickle");
    if (stack_.size() != 1 || !marks_.empty()) refuse(std::to_string(stack_.size()) + " values left", "one value at the end");
    tree_.root = stack_.back();
    return std::move(tree_);
  }

 private:
  [[noreturn]] void refuse(const std::string& found, const std::string& wanted = "the pickle of a dictionary of lists and arrays") const {
    throw DataError(where_, found + " before byte " + std::to_string(at_), wanted);
  }

  std::string_view take(uint64_t count) {
    if (count > bytes_.size() - at_) refuse("a truncated pickle", std::to_string(count) + " more bytes");
    const auto piece = bytes_.substr(at_, count);
    at_ += count;
    return piece;
  }
  uint8_t byte() { return static_cast<uint8_t>(take(1).front()); }
  uint32_t little_endian(std::size_t count) {
    uint32_t value = 0;
    const auto piece = take(count);
    for (std::size_t i = 0; i < count; ++i) value |= uint32_t{static_cast<uint8_t>(piece[i])} << (8 * i);
    return value;
  }
  std::string_view line() {
    const auto end = bytes_.find('\n', at_);
    if (end == std::string_view::npos) refuse("a truncated pickle", "the end of a line");
    const auto text = take(end - at_);
    take(1);
    return text;
  }

  void count(std::size_t values) {
    if (values > kMostValues - values_) refuse("too many values", "at most " + std::to_string(kMostValues));
    values_ += values;
  }
  void push(PickleValue value) {
    count(1);
    stack_.push_back(value);
  }
  /// Nothing below the topmost mark may be taken.
  PickleValue pop() {
    if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) refuse("an instruction without its operands");
    const PickleValue value = stack_.back();
    stack_.pop_back();
    return value;
  }
  PickleValue& top() {
    if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) refuse("an instruction without its operands");
    return stack_.back();
  }
  std::vector<PickleValue> pop_to_mark() {
    if (marks_.empty()) refuse("an instruction without its mark");
    const auto begin = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    std::vector<PickleValue> values(begin, stack_.end());
    stack_.erase(begin, stack_.end());
    marks_.pop_back();
    return values;
  }
  std::vector<PickleValue> pop_many(std::size_t count) {
    std::vector<PickleValue> values(count);
    for (std::size_t i = count; i > 0; --i) values[i - 1] = pop();
    return values;
  }

  void push_container(Kind kind, std::vector<PickleValue> elements) {
    tree_.elements.push_back(std::move(elements));
    PickleValue value;
    value.kind = kind;
    value.elements = tree_.elements.size() - 1;
    push(value);
  }
  void push_number(Kind kind, int64_t number) {
    PickleValue value;
    value.kind = kind;
    value.number = number;
    push(value);
  }
  void push_text(std::string_view text) {
    PickleValue value;
    value.kind = Kind::text;
    value.text = text;
    push(value);
  }

  std::vector<PickleValue> copy_of(const PickleValue& container) {
    count(tree_.elements[container.elements].size());
    return tree_.elements[container.elements];
  }
  void append(Kind kind, const std::vector<PickleValue>& values) {
    if (top().kind != kind || (kind == Kind::dictionary && values.size() % 2 != 0)) refuse("elements of no container");
    auto& elements = tree_.elements[top().elements];
    elements.insert(elements.end(), values.begin(), values.end());
  }

  void remember(uint32_t number) {
    count(1);
    memory_[number] = top();
  }
  void recall(uint32_t number) {
    const auto known = memory_.find(number);
    if (known == memory_.end()) refuse("a reference to value " + std::to_string(number) + ", which is not there");
    push(known->second);
  }

  void push_function() {
    const auto begin = at_;
    line();
    const auto name_begin = at_;
    const auto name = line();
    std::string both(bytes_.substr(begin, name_begin - begin - 1));
    both += " " + std::string(name);
    for (const auto known : kFunctions)
      if (both == known) {
        PickleValue value;
        value.kind = Kind::function;
        value.text = known;
        return push(value);
      }
    refuse("function `" + both.substr(0, 80) + "`", "no function but those that make a numpy array");
  }

  /// _reconstruct(ndarray, (0,), "b") stands for an array, dtype("u1", 0, 1) for its element type.
  void reduce() {
    const PickleValue arguments = pop(), function = pop();
    if (function.kind != Kind::function || arguments.kind != Kind::tuple) refuse("a call of no function");
    if (function.text == kFunctions[0]) return push_container(Kind::array, {});
    if (function.text == kFunctions[2]) return push_container(Kind::element_type, copy_of(arguments));
    refuse("a call of `" + std::string(function.text) + "`");
  }

  /// State for an array (version, shape, type, whether columns run fastest, bytes); that of an element type tells nothing
  /// new for single bytes.
  void build() {
    const PickleValue state = pop();
    if (state.kind != Kind::tuple) refuse("the state of no array");
    if (top().kind == Kind::array) tree_.elements[top().elements] = copy_of(state);
    else if (top().kind != Kind::element_type) refuse("the state of no array");
  }

  /// One instruction; false at the last.
  bool step(uint8_t instruction) {
    switch (instruction) {
      case '.': return false;
      case '(': begin_mark(); break;
      case '}': push_container(Kind::dictionary, {}); break;
      case ']': push_container(Kind::list, {}); break;
      case ')': push_container(Kind::tuple, {}); break;
      case 't': push_container(Kind::tuple, pop_to_mark()); break;
      case 0x85: push_container(Kind::tuple, pop_many(1)); break;
      case 0x86: push_container(Kind::tuple, pop_many(2)); break;
      case 0x87: push_container(Kind::tuple, pop_many(3)); break;
      case 'e': append(Kind::list, pop_to_mark()); break;
      case 'a': append(Kind::list, pop_many(1)); break;
      case 'u': append(Kind::dictionary, pop_to_mark()); break;
      case 's': append(Kind::dictionary, pop_many(2)); break;
      case 'U': push_text(take(byte())); break;
      case 'T': case 'X': push_text(take(little_endian(4))); break;
      case 'K': push_number(Kind::integer, byte()); break;
      case 'M': push_number(Kind::integer, little_endian(2)); break;
      case 'J': push_number(Kind::integer, static_cast<int32_t>(little_endian(4))); break;
      case 'N': push({}); break;
      case 0x88: push_number(Kind::boolean, 1); break;
      case 0x89: push_number(Kind::boolean, 0); break;
      case 'q': remember(byte()); break;
      case 'r': remember(little_endian(4)); break;
      case 'h': recall(byte()); break;
      case 'j': recall(little_endian(4)); break;
      case 'c': push_function(); break;
      case 'R': reduce(); break;
      case 'b': build(); break;
      default: refuse_instruction(instruction);
    }
    return true;
  }

  void begin_mark() {
    count(1);
    marks_.push_back(stack_.size());
  }
  [[noreturn]] void refuse_instruction(uint8_t instruction) const {
    const char* name = name_of(instruction);
    refuse("instruction " + (name != nullptr ? std::string(name) : std::to_string(instruction)));
  }

  const std::string& where_;
  std::string_view bytes_;
  std::size_t at_ = 0, values_ = 0;
  std::vector<PickleValue> stack_;
  std::vector<std::size_t> marks_;  ///< sizes of the stack
  std::unordered_map<uint32_t, PickleValue> memory_;
  PickleTree tree_;
};

}  // namespace

PickleTree read_pickle(const std::string& where, std::string_view bytes) { return Machine(where, bytes).run(); }

}  // namespace backobs
