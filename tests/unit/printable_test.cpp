// SPDX-License-Identifier: MIT
#include "files/printable.h"

#include <gtest/gtest.h>

namespace backobs {
namespace {

TEST(Printable, KeepsText) {
  for (const char* text : {"", "a line\n\tand another", "größer, ∇ℓ, 模型, 😀"}) EXPECT_EQ(printable(text), text);
}

TEST(Printable, ShowsLineEndsWhereALineIsAskedFor) {
  EXPECT_EQ(printable_line("a\nno plugin was refused\t!\033["), "a\\x0ano plugin was refused\\x09!\\x1b[");
  EXPECT_EQ(printable_line("größer"), "größer");
}

TEST(Printable, ShowsControlCharacters) {
  EXPECT_EQ(printable("a\033[2Jb\rc\ad\177"), "a\\x1b[2Jb\\x0dc\\x07d\\x7f");
  EXPECT_EQ(printable(std::string("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(printable("\xc2\x9b" "31m"), "\\xc2\\x9b31m");  // CSI in one character
}

TEST(Printable, ShowsBytesThatAreNoUtf8) {
  EXPECT_EQ(printable("\x9b" "31m"), "\\x9b31m");
  EXPECT_EQ(printable("a\xff"), "a\\xff");
  EXPECT_EQ(printable("\xe2\x88"), "\\xe2\\x88");          // cut off
  EXPECT_EQ(printable("\xc0\x9b"), "\\xc0\\x9b");          // overlong ESC
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // half a surrogate pair
}

}  // namespace
}  // namespace backobs
