// SPDX-License-Identifier: MIT
#include "files/elf_note.h"

#include <backobs/error.h>

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

namespace backobs {
namespace {

#if defined(__x86_64__)
constexpr uint16_t kMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr uint16_t kMachine = EM_AARCH64;
#elif defined(__riscv)
constexpr uint16_t kMachine = EM_RISCV;
#else
#error "name this machine's e_machine here"
#endif

// Real plugins have about ten headers, and notes of a few hundred bytes.
constexpr uint64_t kMostHeaders = 4096;
constexpr uint64_t kLargestSegment = uint64_t{1} << 20;

std::string machine_name(uint16_t machine) {
  switch (machine) {
    case EM_X86_64: return "x86-64";
    case EM_AARCH64: return "AArch64";
    case EM_RISCV: return "RISC-V";
    case EM_386: return "x86";
    case EM_ARM: return "ARM";
    default: return "number " + std::to_string(machine);
  }
}

/// An open file and its size; reads are checked against it.
class OpenFile {
 public:
  // Without O_NONBLOCK a pipe that somebody named x.so would hang the scan.
  explicit OpenFile(const std::filesystem::path& path)
      : name_(path.string()), descriptor_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    if (descriptor_ < 0)
      throw PluginError(name_, std::string("a file that cannot be opened (") + std::strerror(errno) + ")",
                        "a readable plugin");
    struct stat facts {};
    if (fstat(descriptor_, &facts) != 0 || !S_ISREG(facts.st_mode)) {
      close(descriptor_);
      throw PluginError(name_, "something that is not a regular file", "a plugin");
    }
    size_ = static_cast<uint64_t>(facts.st_size);
  }
  ~OpenFile() { close(descriptor_); }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  uint64_t size() const { return size_; }
  /// Refuses [offset, offset + length) if it leaves the file, without overflow.
  void require(uint64_t offset, uint64_t length, const char* what) const {
    if (length > size_ || offset > size_ - length)
      refuse("a truncated file of " + std::to_string(size_) + " bytes", std::string("one that holds its ") + what);
  }
  std::vector<char> read(uint64_t offset, uint64_t length, const char* what) const {
    require(offset, length, what);
    std::vector<char> bytes(length);
    for (std::size_t done = 0; done < bytes.size();) {
      const ssize_t got =
          pread(descriptor_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) refuse("a file that cannot be read", std::string("its ") + what);
      done += static_cast<std::size_t>(got);
    }
    return bytes;
  }
  [[noreturn]] void refuse(const std::string& found, const std::string& wanted) const {
    throw PluginError(name_, found, wanted);
  }

 private:
  std::string name_;
  int descriptor_;
  uint64_t size_ = 0;
};

template <typename T>
T value_at(const std::vector<char>& bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

Elf64_Ehdr read_header(const OpenFile& file) {
  constexpr const char* kWanted = "an ELF shared library";
  if (file.size() == 0) file.refuse("an empty file", kWanted);
  const auto magic = file.read(0, std::min<uint64_t>(file.size(), SELFMAG), "ELF magic");
  if (std::memcmp(magic.data(), ELFMAG, magic.size()) != 0) file.refuse("a file that is not ELF", kWanted);
  const auto header = value_at<Elf64_Ehdr>(file.read(0, sizeof(Elf64_Ehdr), "ELF header"), 0);
  if (header.e_ident[EI_CLASS] != ELFCLASS64) file.refuse("ELF of another word size", "64 bits");
  if (header.e_ident[EI_DATA] != ELFDATA2LSB) file.refuse("ELF of another byte order", "little-endian");
  if (header.e_type != ET_DYN) file.refuse("ELF of type " + std::to_string(header.e_type), "a shared library (type 3)");
  if (header.e_machine != kMachine)
    file.refuse("ELF for machine " + machine_name(header.e_machine), "machine " + machine_name(kMachine));
  return header;
}

std::vector<Elf64_Phdr> read_program_headers(const OpenFile& file, const Elf64_Ehdr& header) {
  if (header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum == 0 || header.e_phnum > kMostHeaders)
    file.refuse("malformed ELF program headers", std::to_string(sizeof(Elf64_Phdr)) + " bytes each, at least one");
  const auto bytes = file.read(header.e_phoff, uint64_t{header.e_phnum} * sizeof(Elf64_Phdr), "program headers");
  std::vector<Elf64_Phdr> headers;
  for (std::size_t i = 0; i < header.e_phnum; ++i)
    headers.push_back(value_at<Elf64_Phdr>(bytes, i * sizeof(Elf64_Phdr)));
  return headers;
}

/// The notes may survive a cut that takes data away; mapping such a file ends in SIGBUS.
void require_whole(const OpenFile& file, const Elf64_Ehdr& header, const std::vector<Elf64_Phdr>& segments) {
  for (const auto& segment : segments) file.require(segment.p_offset, segment.p_filesz, "segments");
  if (header.e_shoff != 0) file.require(header.e_shoff, uint64_t{header.e_shnum} * header.e_shentsize, "section table");
}

/// One step through a segment of notes: header, owner, description, the latter two padded.
struct NoteCursor {
  const OpenFile& file;
  const std::vector<char>& bytes;
  std::size_t alignment;
  std::size_t at = 0;

  bool has_more() const { return bytes.size() - at >= sizeof(Elf64_Nhdr); }
  /// The next `length` bytes; moves on behind their padding.
  std::string_view take(std::size_t length) {
    if (length > bytes.size() - at) file.refuse("a malformed ELF note", "a note inside its segment");
    const std::string_view taken(bytes.data() + at, length);
    const std::size_t padded = (at + length + alignment - 1) / alignment * alignment;
    at = std::min(padded, bytes.size());
    return taken;
  }
};

std::optional<std::string> find_note(const OpenFile& file, const Elf64_Phdr& segment, std::string_view owner,
                                     uint32_t type, std::size_t limit) {
  if (segment.p_filesz > kLargestSegment)
    file.refuse("ELF notes of " + std::to_string(segment.p_filesz) + " bytes", "at most 1 MiB");
  const auto bytes = file.read(segment.p_offset, segment.p_filesz, "notes");
  NoteCursor cursor{file, bytes, segment.p_align == 8 ? std::size_t{8} : std::size_t{4}};
  while (cursor.has_more()) {
    const auto note = value_at<Elf64_Nhdr>(bytes, cursor.at);
    cursor.at += sizeof note;
    const std::string_view name = cursor.take(note.n_namesz);
    const std::string_view description = cursor.take(note.n_descsz);
    if (note.n_type != type || name.size() != owner.size() + 1 || name.substr(0, owner.size()) != owner) continue;
    if (description.size() > limit)
      file.refuse("a manifest of " + std::to_string(description.size()) + " bytes", "at most " + std::to_string(limit));
    return std::string(description);
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> read_elf_note(const std::filesystem::path& path, std::string_view owner, uint32_t type,
                                         std::size_t limit) {
  const OpenFile file(path);
  const Elf64_Ehdr header = read_header(file);
  const auto segments = read_program_headers(file, header);
  require_whole(file, header, segments);
  for (const auto& segment : segments) {
    if (segment.p_type != PT_NOTE) continue;
    if (auto found = find_note(file, segment, owner, type, limit)) return found;
  }
  return std::nullopt;
}

}  // namespace backobs
