// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include <string>
#include <string_view>

namespace backobs {

/// Text that a terminal only shows and never obeys: control characters (those of Unicode's C1 block too) and bytes that
/// are no UTF-8 become \x1b and the like. Line ends and tabs stay. For messages, whose parts come from files, names and
/// plugins of others.
BACKOBS_API std::string printable(std::string_view text);
/// The same on one line: line ends and tabs are shown, too. For names of files that strangers chose.
BACKOBS_API std::string printable_line(std::string_view text);

}  // namespace backobs
