// SPDX-License-Identifier: MIT
#include "files/elf_note.h"

#include <backobs/error.h>

#include "files/manifest.h"
#include "unit/temporary_folder.h"

#include <gtest/gtest.h>

#include <elf.h>

#include <cstring>
#include <iterator>
#include <random>

namespace backobs {
namespace {

namespace fs = std::filesystem;
using testing::Bytes;
using testing::TemporaryFolder;

Bytes sound_plugin() {
  std::ifstream file(fs::path(BACKOBS_BUILD_DIR) / "bad_plugins" / "sound.so", std::ios::binary);
  return Bytes(std::istreambuf_iterator<char>(file), {});
}

template <typename T>
void put(Bytes& bytes, std::size_t offset, T value) {
  ASSERT_LE(offset + sizeof value, bytes.size());
  std::memcpy(bytes.data() + offset, &value, sizeof value);
}

/// What reading the manifest of these bytes complains about, without the file's name.
std::string complaint(const Bytes& bytes) {
  const TemporaryFolder folder;
  const fs::path file = folder.write("sound.so", bytes);
  try {
    read_manifest(file);
  } catch (const PluginError& e) {
    return "found " + e.found() + ", wanted " + e.wanted();
  }
  return "no complaint";
}

TEST(ElfNote, FindsTheNoteByOwnerAndType) {
  const TemporaryFolder folder;
  const fs::path file = folder.write("sound.so", sound_plugin());
  const auto note = read_elf_note(file, "BackOBS", 1, 65536);
  ASSERT_TRUE(note.has_value());
  EXPECT_EQ(note->front(), '{');
  EXPECT_EQ(note->back(), '\0');
  EXPECT_FALSE(read_elf_note(file, "BackOBS", 2, 65536).has_value());
  EXPECT_FALSE(read_elf_note(file, "BackOB", 1, 65536).has_value());
  EXPECT_TRUE(read_elf_note(file, "GNU", 3, 65536).has_value());  // the build id, of another note in the same file
  EXPECT_THROW(read_elf_note(file, "BackOBS", 1, 16), PluginError);
  EXPECT_THROW(read_elf_note(folder.path() / "absent.so", "BackOBS", 1, 65536), PluginError);
}

TEST(ElfNote, NamesWhatIsWrongWithTheHeader) {
  const Bytes sound = sound_plugin();
  ASSERT_EQ(complaint(sound), "no complaint");
  Bytes bytes = sound;
  put<uint8_t>(bytes, EI_CLASS, ELFCLASS32);
  EXPECT_EQ(complaint(bytes), "found ELF of another word size, wanted 64 bits");
  bytes = sound;
  put<uint8_t>(bytes, EI_DATA, ELFDATA2MSB);
  EXPECT_EQ(complaint(bytes), "found ELF of another byte order, wanted little-endian");
  bytes = sound;
  put<uint16_t>(bytes, offsetof(Elf64_Ehdr, e_type), ET_REL);
  EXPECT_EQ(complaint(bytes), "found ELF of type 1, wanted a shared library (type 3)");
  bytes = sound;
  put<uint16_t>(bytes, offsetof(Elf64_Ehdr, e_machine), EM_ARM);
  EXPECT_EQ(complaint(bytes).rfind("found ELF for machine ARM, wanted machine ", 0), 0u);
  bytes = sound;
  put<uint16_t>(bytes, offsetof(Elf64_Ehdr, e_phentsize), 8);
  EXPECT_EQ(complaint(bytes), "found malformed ELF program headers, wanted 56 bytes each, at least one");
}

TEST(ElfNote, IsNotFooledByOffsetsThatOverflow) {
  const Bytes sound = sound_plugin();
  for (const uint64_t offset : {~uint64_t{0}, ~uint64_t{0} - 55, uint64_t{1} << 63, uint64_t{sound.size()}}) {
    Bytes bytes = sound;
    put<uint64_t>(bytes, offsetof(Elf64_Ehdr, e_phoff), offset);
    EXPECT_EQ(complaint(bytes).rfind("found a truncated file", 0), 0u) << offset;
    bytes = sound;
    put<uint64_t>(bytes, sizeof(Elf64_Ehdr) + offsetof(Elf64_Phdr, p_offset), offset);
    EXPECT_EQ(complaint(bytes).rfind("found a truncated file", 0), 0u) << offset;
  }
}

/// Any bytes at all give a manifest or a PluginError.
TEST(ElfNote, SurvivesMutatedFiles) {
  const Bytes sound = sound_plugin();
  const TemporaryFolder folder;
  std::mt19937 generator(20);
  int parsed = 0, refused = 0;
  for (int round = 0; round < 4000; ++round) {
    Bytes bytes = sound;
    const std::size_t region = std::min<std::size_t>(bytes.size(), round % 2 ? 4096 : 1024);
    for (unsigned flips = 1 + generator() % 4; flips > 0; --flips)
      bytes[generator() % region] = static_cast<uint8_t>(generator());
    fs::remove(folder.path() / "sound.so");  // some file systems flush a file that is cut and written again
    const fs::path file = folder.write("sound.so", bytes);
    try {
      EXPECT_EQ(read_manifest(file).name, "sound");
      ++parsed;
    } catch (const PluginError&) {
      ++refused;
    }
  }
  EXPECT_EQ(parsed + refused, 4000);
  EXPECT_GT(parsed, 100);
  EXPECT_GT(refused, 100);
}

}  // namespace
}  // namespace backobs
