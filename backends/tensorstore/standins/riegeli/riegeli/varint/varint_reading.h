// Stand-in for riegeli; see ../../../README.md.
#pragma once

#include <cstdint>
#include <limits>

#include "riegeli/bytes/reader.h"

namespace riegeli {

// False for the end of the data and for more than 64 bits.
inline bool ReadVarint64(Reader& src, uint64_t& value) {
  value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    uint8_t byte;
    if (!src.ReadByte(byte)) return false;
    if (shift == 63 && byte > 1) return false;
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return true;
  }
  return false;
}

inline bool ReadVarint32(Reader& src, uint32_t& value) {
  uint64_t wide;
  if (!ReadVarint64(src, wide) || wide > std::numeric_limits<uint32_t>::max()) return false;
  value = static_cast<uint32_t>(wide);
  return true;
}

}  // namespace riegeli
